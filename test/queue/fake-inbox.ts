import { DroprError } from '../../src/errors.ts'
import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import type { Draft } from '../../src/message.ts'
import { Destinations } from '../../src/queue/destinations.ts'
import { Intake } from '../../src/queue/intake.ts'
import { Queue } from '../../src/queue/queue.ts'
import { type Outbox, Sender } from '../../src/queue/send.ts'
import type { Claim, ClaimRequest, ClaimRun, InboxPort, Verdict, VerdictResult } from '../../src/server/inbox-port.ts'
import type { Files } from '../../src/system/files.ts'
import type { LogFields } from '../../src/system/log.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'

const STREAM = 'cd'.repeat(16)

interface Kept {
  channel: string
  at: number
  bytes: number
  lease: string
  state: 'ready' | 'leased' | 'done' | 'dead'
  deliveries: number
  attempts: number
}

/** A model of the inbox: one stream in one file in memory, positions and leases as the real one has them. */
export class FakeInbox implements InboxPort {
  readonly clock: SimClock
  readonly kept: Kept[] = []
  /** Every verdict that was told, and in how many calls. */
  readonly told: Verdict[] = []
  settles = 0
  claims: ClaimRequest[] = []
  extended: string[] = []
  closed = false
  file = Buffer.alloc(0)
  /** Thrown by the next call, once. */
  failing: { settle?: Error; claim?: Error; extend?: Error } = {}
  onLost: (leases: string[]) => void = () => undefined
  readonly #ids: Ids
  readonly #leases = new Map<string, number>()
  #waiters: (() => void)[] = []
  #leased = 0

  constructor(clock: SimClock) {
    this.clock = clock
    this.#ids = new Ids(clock, new SimRandom(1))
  }

  put(channel: string, ...drafts: (Partial<Draft> | string)[]): void {
    for (const given of drafts) {
      const said = typeof given === 'string' ? { body: given } : given
      const draft: Draft = { kind: 'text', body: '', sentAt: this.clock.now(), ...said }
      const into = Buffer.alloc(messageBytesMost(draft))
      if (draft.id === undefined) this.#ids.next()
      const bytes = encodeMessage(draft, this.#ids, into, 0)
      const kept = { channel, at: this.file.length, bytes, lease: '', deliveries: 0, attempts: 0 }
      this.kept.push({ ...kept, state: 'ready' })
      this.file = Buffer.concat([this.file, into.subarray(0, bytes)])
    }
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    this.claims.push(request)
    this.#fail('claim')
    const until = this.clock.ticks() + request.waitMs
    for (;;) {
      if (this.closed) throw new DroprError('CLOSED', 'closed')
      if (signal?.aborted) throw new DroprError('ABORTED', 'aborted')
      const claim = this.#now(request)
      if (claim !== undefined) return claim
      if (this.clock.ticks() >= until) return { lease: '', leaseUntil: 0, runs: [] }
      const woken = new AbortController()
      this.#waiters.push(() => woken.abort())
      signal?.addEventListener('abort', () => woken.abort())
      await this.clock.sleep(until - this.clock.ticks(), woken.signal)
    }
  }

  settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    this.settles++
    try {
      this.#fail('settle')
    } catch (error) {
      return Promise.reject(error)
    }
    this.told.push(...structuredClone(verdicts))
    return Promise.resolve(verdicts.map(verdict => this.#settle(verdict)))
  }

  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    try {
      this.#fail('extend')
    } catch (error) {
      return Promise.reject(error)
    }
    this.extended.push(...leases)
    const lost = leases.filter(lease => !this.#alive(lease))
    for (const lease of leases) if (!lost.includes(lease)) this.#leases.set(lease, this.clock.ticks() + leaseMs)
    return Promise.resolve({ lost, untilWall: this.clock.now() + leaseMs })
  }

  close(): Promise<void> {
    this.closed = true
    for (const kept of this.kept) if (kept.state === 'leased') kept.state = 'ready'
    for (const wake of this.#waiters.splice(0)) wake()
    return Promise.resolve()
  }

  /** Positions in a state. */
  in(state: Kept['state']): number[] {
    return this.kept.flatMap((kept, i) => (kept.state === state ? [i] : []))
  }

  #fail(call: 'settle' | 'claim' | 'extend'): void {
    const error = this.failing[call]
    if (error === undefined) return
    delete this.failing[call]
    throw error
  }

  #alive(lease: string): boolean {
    return (this.#leases.get(lease) ?? -1) > this.clock.ticks()
  }

  #now(request: ClaimRequest): Claim | undefined {
    for (const kept of this.kept) if (kept.state === 'leased' && !this.#alive(kept.lease)) kept.state = 'ready'
    const lease = `1.${this.#leased + 1}`
    const runs: ClaimRun[] = []
    let count = 0
    for (const [i, kept] of this.kept.entries()) {
      if (count >= request.max) break
      if (kept.state !== 'ready' || !request.channels.includes(kept.channel)) continue
      count++
      Object.assign(kept, { state: 'leased', lease, deliveries: kept.deliveries + 1 })
      const last = runs.at(-1)
      const next = last !== undefined && last.from + last.count === i && last.channel === kept.channel
      if (next && last.deliveries === kept.deliveries && last.attempts === kept.attempts) {
        last.count++
        last.bytes += kept.bytes
      } else runs.push(this.#run(i, kept))
    }
    if (count === 0) return undefined
    this.#leased++
    this.#leases.set(lease, this.clock.ticks() + request.leaseMs)
    return { lease, leaseUntil: this.clock.now() + request.leaseMs, runs }
  }

  #run(from: number, kept: Kept): ClaimRun {
    const { channel, at, bytes, deliveries, attempts } = kept
    const where = { node: 'berlin', origin: 'ab'.repeat(16), stream: STREAM, path: '/s/inbox/1.seg' }
    return { ...where, channel, priority: 4, from, count: 1, at, bytes, receivedAt: 7, deliveries, attempts }
  }

  #settle(verdict: Verdict): VerdictResult {
    for (const [from, to] of verdict.runs) {
      for (const kept of this.kept.slice(from, to)) {
        const again = kept.state === 'done' && verdict.verdict === 'ack' && kept.lease === verdict.lease
        if (!again && (kept.state !== 'leased' || kept.lease !== verdict.lease || !this.#alive(verdict.lease))) {
          return 'LEASE_LOST'
        }
        kept.state = verdict.verdict === 'ack' ? 'done' : verdict.verdict === 'reject' ? 'dead' : 'ready'
        if (verdict.verdict === 'retry') kept.attempts++
      }
    }
    for (const wake of this.#waiters.splice(0)) wake()
    return 'ok'
  }
}

/** What was given to the outbox. */
export class FakeOutbox implements Outbox {
  readonly sent: { peer: string; channel: string; priority: number; draft: Draft; buffered: boolean }[] = []
  failing: Error | undefined

  append<T>(
    to: { peer: string; channel: string; priority: number },
    draft: Draft,
    done: (id: string) => T,
    buffered = false
  ) {
    if (this.failing !== undefined) return Promise.reject(this.failing)
    this.sent.push({ ...to, draft, buffered })
    return Promise.resolve(done(draft.id ?? `id-${this.sent.length}`))
  }

  appendAll<T>(
    to: { peer: string; channel: string; priority: number },
    drafts: readonly Draft[],
    done: (id: string) => T,
    buffered = false
  ) {
    return Promise.all(drafts.map(draft => this.append(to, draft, done, buffered)))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A queue on a model of what is below it, in simulated time. */
export function fakeQueue(options: { limits?: Partial<Limits>; peers?: string[] } = {}) {
  const clock = new SimClock()
  const inbox = new FakeInbox(clock)
  const outbox = new FakeOutbox()
  const logged: { fields: LogFields; text: string }[] = []
  const note = (fields: LogFields, text: string) => void logged.push({ fields, text })
  const read = (into: Uint8Array, position: number) =>
    Promise.resolve(inbox.file.copy(into, 0, position, position + into.length))
  const open = () => Promise.resolve({ read, bytes: async () => inbox.file.length, close: async () => undefined })
  const system = {
    clock,
    random: new SimRandom(2),
    files: { open } as unknown as Files,
    log: { debug: note, info: note, warn: note, error: note }
  } as unknown as System
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const destinations = new Destinations(
    'berlin',
    new Map((options.peers ?? ['tokyo', 'paris']).map(name => [name, {}]))
  )
  const ids = new Ids(clock, system.random)
  const sender = new Sender({ outbox, destinations, clock, ids, limits })
  let attached = 0
  const attaching: { failing: Error | undefined } = { failing: undefined }
  const attach = () => {
    attached++
    const { failing } = attaching
    attaching.failing = undefined
    return failing === undefined ? Promise.resolve(inbox) : Promise.reject(failing)
  }
  const intake = new Intake(system, attach)
  const queue = new Queue({
    system,
    limits,
    node: 'berlin',
    spool: '/s',
    sender,
    intake,
    closeBelow: () => outbox.close()
  })
  return { attaching, queue, inbox, outbox, clock, logged, intake, attached: () => attached }
}

/** What a promise was rejected with. */
export async function failure(work: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not rejected')
}
