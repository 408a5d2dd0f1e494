import { expect, test } from 'vitest'
import { InboxBed, rangeOf, texts } from './inbox-bed.ts'

const look = (max: number, bytesMax = 1e9) => ({ channel: 'c', max, bytesMax })

test('a peek names what the next claim would give, in its order, and leaves it where it is', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('a', 0, texts(5))))
  await bed.until(inbox.appendRange(rangeOf('high', 0, texts(2), { priority: 9 })))
  const port = inbox.port({ own: true })
  // The first two are handed out and come back: they are before those that never were.
  const held = await bed.until(port.claim({ ...bed.ask(3) }))
  await bed.until(
    port.settle(
      held.runs.map(({ stream, from, count }) => ({
        lease: held.lease,
        channel: 'c',
        stream,
        runs: [[from, from + count]] as [number, number][],
        verdict: 'release' as const
      }))
    )
  )
  const before = inbox.depths()
  for (const max of [1, 2, 3, 4, 7, 100]) {
    const runs = await bed.until(inbox.peek(look(max)))
    expect(runs.reduce((sum, run) => sum + run.count, 0)).toBe(Math.min(max, 7))
  }
  const peeked = await bed.until(inbox.peek(look(100)))
  expect(inbox.depths()).toEqual(before)
  const claimed = await bed.until(port.claim(bed.ask(100)))
  const placesOf = (runs: typeof peeked) =>
    runs.flatMap(({ stream, from, count, deliveries }) =>
      Array.from({ length: count }, (_, i) => [stream, from + i, deliveries] as const)
    )
  expect(placesOf(claimed.runs)).toEqual(
    placesOf(peeked).map(([stream, position, deliveries]) => [stream, position, deliveries + 1])
  )
  expect(await bed.until(inbox.peek(look(10)))).toEqual([])
})

test('a peek stops after so many bytes, but gives at least one message', async () => {
  const bed = new InboxBed(2)
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('a', 0, [{ body: 'x'.repeat(1_000) }, ...texts(9)])))
  expect(await bed.until(inbox.peek(look(10, 1)))).toMatchObject([{ from: 0, count: 1 }])
  expect(await bed.until(inbox.peek(look(10, 1_150)))).toMatchObject([{ from: 0, count: expect.any(Number) }])
})
