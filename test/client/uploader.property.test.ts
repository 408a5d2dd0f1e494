import { expect, test } from 'vitest'
import { limitsFrom } from '../../src/limits.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import { SeededFaults } from '../../src/wire/loopback-faults.ts'
import { LoopbackTransport } from '../../src/wire/loopback-transport.ts'
import { SOAK } from '../soak.ts'
import { ModelBook, peerQueue, streamName } from './harness.ts'
import { entryOf, ModelStore, ModelStream, randomDelay } from './model.ts'

const RUNS = SOAK ? 400 : 40
const SEED = process.env.DROPR_SEED

const clientLimits = limitsFrom({ rangeBytesMax: 1_024, retryMsMin: 100, retryMsMax: 2_000, answerMsMax: 1_000 })
const serverLimits = limitsFrom({ messageBytesMax: 1_024, answerMsMax: 1_000, parkedBytesMax: 4_096 })

interface Seen {
  refused: number
  skipped: number
  crashes: number
  downs: number
  fellBack: number
}

/** One run: random streams, a bad wire, both sides crashing; then it heals. Throws when a promise is broken. */
async function run(seed: string, seen: Seen, wire: Record<string, number>): Promise<void> {
  const random = new SimRandom(seed)
  const clock = new SimClock()
  const sleep = (ms: number) => clock.sleep(ms)
  const store = new ModelStore()
  const book = new ModelBook()
  const loses = random.chance(0.3)
  let diskBad = true
  store.delay = randomDelay(random, sleep, 20)
  store.fail = () => {
    if (diskBad && random.chance(0.05)) throw new Error('the disk of the receiver')
  }
  book.write = async () => {
    await sleep(random.between(0, 30))
    if (diskBad && random.chance(0.1)) throw Object.assign(new Error('our disk'), { code: 'EIO' })
  }
  // Nothing is forgotten before the peer has it, synced.
  book.check = (stream, next) => {
    if (!loses) expect(store.streams.get(stream)?.next ?? 0).toBeGreaterThanOrEqual(next)
  }
  const streams = Array.from({ length: 1 + random.int(4) }, (_, n) => {
    const stream = new ModelStream({ stream: streamName(n), channel: `c${n % 2}`, priority: random.int(10) })
    stream.delay = randomDelay(random, sleep, 3)
    return stream
  })
  const faults = new SeededFaults(random.fork('wire'), {
    loseRequest: 0.05,
    loseAnswer: 0.1,
    repeat: 0.15,
    cut: 0.1,
    flip: 0.05,
    delay: 0.5,
    delayMsMax: 200
  })
  let receiver = new Receiver({ clock, log: silentLog, limits: serverLimits, store })
  let up = true
  const transport = new LoopbackTransport({
    clock,
    limits: clientLimits,
    receiverOf: () => (up ? (request, peer) => receiver.receive(request, peer) : undefined),
    faults: request => {
      const fault = faults.draw(request)
      // The same damage twice would be the sender's own.
      if (fault?.repeatAfterMs !== undefined) delete fault.flipAt
      return fault
    }
  })
  const start = () => peerQueue({ clock, limits: clientLimits, transport, streams, book, seed: random.uint32() })
  let queue = start()
  const restart = async () => {
    const closing = queue.close({ withinMs: random.pick([0, 50, 2_000]) })
    await clock.until(closing)
    queue = start()
    void queue.look()
  }
  void queue.look()
  for (let step = 0; step < 60; step++) {
    const stream = random.pick(streams)
    for (let i = random.int(40); i > 0; i--) {
      const kind = random.next()
      if (kind < 0.03) stream.append(entryOf(stream.entries.length, 1_500))
      else if (kind < 0.05) stream.append(undefined)
      else stream.append(entryOf(stream.entries.length))
    }
    if (random.chance(0.8)) queue.hint(stream)
    if (random.chance(0.2)) void queue.look()
    if (random.chance(0.05)) {
      up = !up
      seen.downs++
    }
    if (random.chance(0.05)) receiver = new Receiver({ clock, log: silentLog, limits: serverLimits, store })
    if (random.chance(0.05)) {
      seen.crashes++
      await restart()
    }
    if (loses && random.chance(0.05)) {
      const { next = 0 } = store.streams.get(stream.stream) ?? {}
      store.fallBack(stream.stream, random.int(next + 1))
      seen.fellBack++
    }
    await clock.advance(random.between(0, 150))
  }
  // It heals.
  up = true
  diskBad = false
  faults.rates = {}
  for (const stream of streams) {
    // Something to send, so that a peer that fell back is noticed.
    stream.appendMany(3)
    stream.ended = stream.entries.length
  }
  void queue.look()
  await clock.advance(clientLimits.retryMsMax + 1_000 + 1_000)
  for (let i = 0; i < 200 && queue.status().streams > 0; i++) await clock.advance(100)
  expect(queue.status()).toMatchObject({ streams: 0, inFlight: 0 })
  await clock.until(queue.close({ withinMs: 0 }))
  for (const stream of streams) {
    const kept = store.streams.get(stream.stream)!
    const dead = book.deadOf(stream.stream)
    expect(kept.next).toBe(stream.entries.length)
    const large = Array.from(stream.entries, entry => (entry?.length ?? 0) > 1_100)
    const wanted = Array.from(stream.entries, (entry, at) => {
      if (entry === undefined) return 'skip expired'
      return large[at] ? 'refused MESSAGE_TOO_LARGE' : `m-${at}`
    })
    expect(wanted.map((_, at) => kept.at[at])).toEqual(wanted)
    // Refused for good: a dead letter, at least once; anything else never.
    expect(large.map((_, at) => dead.has(at))).toEqual(large)
    seen.refused += large.filter(Boolean).length
    seen.skipped += wanted.filter(want => want === 'skip expired').length
    expect(book.next.get(stream.stream)).toBe(stream.entries.length)
  }
  for (const [what, count] of Object.entries(faults.seen)) wire[what] = (wire[what] ?? 0) + count
}

test(`NET-1 NET-4: over a wire that loses, repeats, cuts, damages and reorders, with crashes on both sides, every position arrives once and in order, and nothing is forgotten before`, async () => {
  const first = SEED ?? String(Date.now() % 1_000_000)
  const seen: Seen = { refused: 0, skipped: 0, crashes: 0, downs: 0, fellBack: 0 }
  const wire: Record<string, number> = {}
  for (let i = 0; i < RUNS; i++) {
    const seed = SEED ?? `${first}-${i}`
    try {
      await run(seed, seen, wire)
    } catch (error) {
      throw new Error(`seed: DROPR_SEED=${seed}`, { cause: error })
    }
    if (SEED) return
  }
  // A run that saw nothing bad proves nothing.
  for (const [what, count] of Object.entries({ ...seen, ...wire })) expect(count, what).toBeGreaterThan(0)
})
