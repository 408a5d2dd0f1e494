import { expect, test } from 'vitest'
import type { DroprError } from '../../src/index.ts'
import { SPOOL } from '../rows/sim-nodes.ts'
import { bed, blobs, bytesOf, FOLDER, names, read, reusing, SEEDS } from './large-bed.ts'

test('a batch may hold streams among other bodies: all come in order, byte for byte, of one frame', async () => {
  const sim = bed(8)
  const queue = await sim.queue('berlin')
  const large = [bytesOf(5_000), bytesOf(1_025)]
  const bodies = ['first', reusing(large[0]!, 300), { n: 1 }, reusing(bytesOf(900), 100), new Blob([large[1]!])]
  const receipts = await sim.until(queue.sendMessages(bodies, { ids: ['a', 'b', 'c', 'd', 'e'], headers: { x: 'y' } }))
  expect(receipts.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(names(sim, FOLDER).filter(name => name.endsWith('.blob'))).toHaveLength(2)
  const got = await sim.take(queue)
  expect(got.map(({ id, size, large: isLarge }) => [id, size, isLarge])).toEqual([
    ['a', 5, false],
    ['b', 5_000, true],
    ['c', 7, false],
    ['d', 900, false],
    ['e', 1_025, true]
  ])
  expect(await read(sim, got[1]!)).toEqual(large[0])
  expect(await read(sim, got[4]!)).toEqual(large[1])
  expect(got.every(({ headers }) => headers.x === 'y')).toBe(true)
  // For later too: all of them wait, and go together.
  await sim.until(queue.sendMessages([reusing(large[0]!, 300), 'small', reusing(large[1]!, 9)], { delay: 1_000 }))
  await sim.clock.advance(2_000)
  await sim.until(queue.schedule.tick())
  expect((await sim.take(queue)).map(({ size }) => size)).toEqual([5_000, 5, 1_025])
})

test('of a batch in which one stream fails, is too large, is aborted or has an id twice nothing is sent and nothing stays', async () => {
  const sim = bed(9, { blobBytesMax: 9_000 })
  const queue = await sim.queue('berlin')
  async function* failing() {
    yield Buffer.alloc(5_000)
    throw new Error('gone')
  }
  async function* silent(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(5_000)
    await new Promise(() => undefined)
  }
  const stop = new AbortController()
  const ok = () => reusing(bytesOf(4_000), 500)
  const sends = [
    queue.sendMessages(['x', ok(), failing()]),
    queue.sendMessages([ok(), reusing(bytesOf(10_000), 500), 'x']),
    queue.sendMessages([ok(), silent()], { signal: stop.signal }),
    queue.sendMessages([ok(), ok()], { ids: ['a', 'a'] }),
    queue.sendMessages([ok(), failing()], { delay: 60_000 })
  ]
  const settled = Promise.allSettled(sends)
  await sim.clock.advance(1_000)
  stop.abort()
  const ends = await sim.until(settled)
  const codes = ends.map(end => end.status === 'rejected' && (end.reason as DroprError).code)
  expect(codes).toEqual(['BODY_UNREADABLE', 'MESSAGE_TOO_LARGE', 'ABORTED', 'ID_REPEATED', 'BODY_UNREADABLE'])
  expect(names(sim, FOLDER)).toEqual([])
  expect(names(sim, `${SPOOL}/schedule/in`)).toEqual([])
  expect(await sim.take(queue)).toEqual([])
})

test('after a power cut at any step of sending a batch of streams all of it is there, each whole, or nothing, and `clean` finds what stays', async () => {
  let whole = 0
  let none = 0
  let found = 0
  for (let seed = 1; seed <= SEEDS * 2; seed++) {
    const sim = bed(seed)
    const queue = await sim.queue('berlin')
    let resolved = false
    const bodies = [bytesOf(3_000), bytesOf(500), bytesOf(6_000)]
    const sent = queue.sendMessages(bodies.map(body => reusing(body, 700)))
    sent.then(
      () => {
        resolved = true
      },
      () => undefined
    )
    await sim.clock.advance(seed / SEEDS + sim.world.random.fork('when').next() * 4)
    sim.machine('berlin').powerCut()
    const reader = await sim.queue('berlin', 'reader')
    const lone = await sim.until(reader.clean())
    found += lone.blobs
    const messages = await sim.take(reader)
    expect([0, 3], `seed ${seed}`).toContain(messages.length)
    if (resolved) expect(messages.length, `seed ${seed}`).toBe(3)
    for (const [i, message] of messages.entries()) expect(await read(sim, message)).toEqual(bodies[i])
    if (messages.length === 3) whole++
    else {
      none++
      expect(blobs(sim), `seed ${seed}`).toEqual([])
    }
  }
  expect(Math.min(whole, none, found)).toBeGreaterThan(0)
})
