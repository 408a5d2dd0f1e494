import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { Acked } from '../../src/spool/acked.ts'
import { OutboxStreams } from '../../src/spool/outbox-streams.ts'
import { removeFinished, segmentsToRemove } from '../../src/spool/retention.ts'
import { desk, drain, FOLDER, sendEach } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>
const DAY = 86_400_000

async function client(at: Desk, writer: string) {
  const acked = await Acked.load({ spool: at.spool, writer, ids: at.ids })
  const streams = new OutboxStreams({ spool: at.spool, peer: 'tokyo', next: stream => acked.next(stream) })
  const acknowledge = async () => {
    await streams.refresh()
    for (let ready = streams.ready(); ready.length > 0; ready = streams.ready()) {
      let moved = false
      for (const stream of ready) {
        const to = (await drain(stream, acked.next(stream.stream))).at(-1)?.to
        if (to === undefined) continue
        moved = true
        await acked.record([{ stream: stream.stream, next: to }])
      }
      if (!moved) break
    }
    await streams.refresh()
  }
  return { acked, streams, acknowledge, sweep: () => removeFinished({ spool: at.spool, streams, ledger: acked }) }
}

const files = async (at: Desk) => (await listSegments(at.disk, FOLDER)).map(({ writer }) => writer)

test('a segment goes when it is older than the retention, or the oldest of more than fit', () => {
  const limits = { retentionMs: 1_000, retentionBytes: 250 }
  const one = (channel: string, doneAt: number, bytes = 100) => ({ channel, doneAt, bytes })
  expect(segmentsToRemove([], 5_000, limits)).toEqual([])
  expect(segmentsToRemove([one('a', 3_999), one('a', 4_000)], 5_000, limits)).toEqual([one('a', 3_999)])
  const crowd = [one('a', 4_500), one('a', 4_100), one('b', 4_200), one('a', 4_300)]
  expect(segmentsToRemove(crowd, 5_000, limits)).toEqual([one('a', 4_100)])
  expect(segmentsToRemove([one('a', 9_000)], 5_000, limits)).toEqual([])
  expect(segmentsToRemove([one('a', 5_000)], 5_000, { ...limits, retentionBytes: 0 })).toHaveLength(1)
})

test('F7: a segment is removed only when all of it is acknowledged, its end is final and its time has passed', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await sendEach(writer, ['a', 'b'])
  const { acked, streams, acknowledge, sweep } = await client(at, 'c1')
  at.clock.step(2 * DAY)
  expect(await sweep()).toBe(0)
  await acknowledge()
  at.clock.step(2 * DAY)
  expect(await sweep()).toBe(0)
  await sendEach(writer, ['c'])
  await writer.close()
  await streams.refresh()
  at.clock.step(2 * DAY)
  expect(await sweep()).toBe(0)
  await acknowledge()
  expect(await sweep()).toBe(0)
  expect(await files(at)).toEqual(['w1'])
  at.clock.step(DAY + 1)
  expect(await sweep()).toBe(1)
  expect(await files(at)).toEqual([])
  // Until the peer has written down that it is gone.
  const [stream] = acked.goneTo('tokyo')
  await acked.told([stream!])
  expect(acked.streams().size).toBe(0)
})

test('the time a segment is kept counts from its last acknowledgement, also over a restart', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await sendEach(writer, ['a'])
  await writer.close()
  at.clock.step(10 * DAY)
  const first = await client(at, 'c1')
  await first.acknowledge()
  expect(await first.sweep()).toBe(0)
  at.clock.step(DAY / 2)
  const second = await client(at, 'c2')
  await second.streams.refresh()
  expect(await second.sweep()).toBe(0)
  at.clock.step(DAY / 2 + 1)
  expect(await second.sweep()).toBe(1)
})

test('a power cut at any step of a removal leaves a stream that is acknowledged or gone, never one to be sent again', async () => {
  for (let steps = 0; steps < 60; steps++) {
    const at = await desk({ seed: steps })
    const writer = at.writer('w1')
    await sendEach(writer, ['a', 'b'])
    await writer.close()
    const before = await client(at, 'c1')
    await before.acknowledge()
    await before.sweep()
    at.clock.step(2 * DAY)
    const sweeping = before.sweep().catch(() => undefined)
    for (let turn = 0; turn < steps * 3; turn++) await Promise.resolve()
    at.disk.crash()
    void sweeping
    const after = await client(at, 'c2')
    await after.streams.refresh()
    expect(after.streams.open(), `after ${steps}`).toEqual([])
    await after.sweep()
    expect(await files(at), `after ${steps}`).toEqual([])
  }
})

test('a stream that goes on although its writer seemed dead is not removed', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await sendEach(writer, ['a'])
  at.alive.delete('w1')
  const { streams, acknowledge, sweep, acked } = await client(at, 'c1')
  await acknowledge()
  expect(streams.finished()).toHaveLength(1)
  await sweep()
  at.clock.step(2 * DAY)
  await sendEach(writer, ['b'])
  expect(await sweep()).toBe(0)
  const [stream] = streams.open()
  expect((await drain(stream!, acked.next(stream!.stream))).map(({ to }) => to)).toEqual([2])
})
