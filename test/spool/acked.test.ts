import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { Acked } from '../../src/spool/acked.ts'
import { decodeAcked, encodeAcked } from '../../src/spool/acked-state.ts'
import { desk } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>

const S = (i: number) => i.toString(16).padStart(32, '0')
let lives = 0
const load = (at: Desk) => Acked.load({ spool: at.spool, writer: `c${lives++}`, ids: at.ids })
const segments = async (at: Desk) => (await listSegments(at.disk, '/s/acked')).length
const facts = (acked: Acked) => [...acked.streams()].map(([stream, state]) => [stream, state.next, state.ended])

test('what was recorded is known at once and after a restart, closed or killed', async () => {
  const at = await desk()
  let acked = await load(at)
  expect(acked.next(S(1))).toBe(0)
  await acked.record([
    { stream: S(1), next: 10, settled: 5 },
    { stream: S(2), next: 7 }
  ])
  await acked.record([{ stream: S(1), next: 20 }])
  expect([acked.next(S(1)), acked.get(S(1))?.settled, acked.next(S(2))]).toEqual([20, 5, 7])
  for (const close of [true, false, false]) {
    if (close) await acked.close()
    acked = await load(at)
    expect([acked.next(S(1)), acked.get(S(1))?.settled, acked.next(S(2))]).toEqual([20, 5, 7])
    expect(await segments(at)).toBe(1)
  }
})

test('records that come together share one write', async () => {
  const at = await desk()
  const acked = await load(at)
  await acked.record([{ stream: S(0), next: 1 }])
  const before = at.disk.peek((await listSegments(at.disk, '/s/acked'))[0]!.path)!.length
  await Promise.all(Array.from({ length: 500 }, (_, i) => acked.record([{ stream: S(i % 5), next: i + 1 }])))
  const after = at.disk.peek((await listSegments(at.disk, '/s/acked'))[0]!.path)!.length
  expect(after - before).toBeLessThan(1_000)
  expect([0, 1, 2, 3, 4].map(i => acked.next(S(i)))).toEqual([496, 497, 498, 499, 500])
})

test('a peer that lost what it had is believed, and the stream is no longer at its end', async () => {
  const at = await desk()
  const acked = await load(at)
  await acked.record([{ stream: S(1), next: 10, ended: 10 }])
  expect(acked.doneAt(S(1))).toBe(at.clock.now())
  await acked.record([{ stream: S(1), next: 4 }])
  expect(acked.get(S(1))).toMatchObject({ next: 4, ended: undefined, endedAt: undefined })
  const again = await load(at)
  expect(again.get(S(1))).toMatchObject({ next: 4, ended: undefined, endedAt: undefined })
})

test('a journal of many segments is restated into few, and nothing is forgotten', async () => {
  const at = await desk({ limits: { segmentBytesMax: 65_536 } })
  const acked = await load(at)
  for (let i = 1; i <= 400; i++)
    await acked.record(Array.from({ length: 40 }, (_, s) => ({ stream: S(s), next: i * 10 + s })))
  expect(await segments(at)).toBeLessThanOrEqual(6)
  const again = await load(at)
  expect(facts(again)).toEqual(Array.from({ length: 40 }, (_, s) => [S(s), 4_000 + s, undefined]))
})

test('a power cut at any commit keeps every record that resolved', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const at = await desk({ seed, limits: { segmentBytesMax: 65_536 } })
    let acked = await load(at)
    const told = new Map<string, number>()
    for (let life = 0; life < 4; life++) {
      for (let i = 0; i < 30; i++) {
        const stream = S(at.random.int(20))
        const next = (told.get(stream) ?? 0) + 1 + at.random.int(9)
        const recording = acked.record([{ stream, next }])
        if (i === 29) break
        await recording
        told.set(stream, next)
      }
      for (let turns = at.random.int(12); turns > 0; turns--) await Promise.resolve()
      at.disk.crash()
      at.spool.folders.forget('/s/acked')
      acked = await load(at)
      for (const [stream, next] of told) {
        expect(acked.next(stream), `seed ${seed}`).toBeGreaterThanOrEqual(next)
        told.set(stream, acked.next(stream))
      }
    }
  }
})

test('every call of the disk failed once, at start and later: records that resolve are kept', async () => {
  for (const call of ['syncFolder', 'list', 'create', 'writeSynced', 'open', 'pread', 'remove'] as const) {
    for (let after = 0; after < 5; after++) {
      const at = await desk()
      const first = await load(at)
      await first.record([{ stream: S(1), next: 5 }])
      const rule = at.disk.failNext({ call, code: 'EIO', after })
      let acked = await load(at).catch(() => undefined)
      acked ??= await load(at)
      expect(acked.next(S(1))).toBe(5)
      for (let next = 6; next < 10; next++) {
        const told = await acked.record([{ stream: S(1), next }]).then(
          () => true,
          () => false
        )
        if (told) expect(acked.next(S(1))).toBe(next)
      }
      rule.remove()
      await acked.record([{ stream: S(1), next: 10 }])
      expect((await load(at)).next(S(1)), `${call} ${after}`).toBe(10)
    }
  }
})

test('a full disk at start leaves the old segments as they are, and service resumes', async () => {
  const at = await desk()
  const first = await load(at)
  await first.record([{ stream: S(1), next: 5 }])
  at.disk.capacityBytes = 0
  const acked = await load(at)
  expect(acked.next(S(1))).toBe(5)
  await expect(acked.record([{ stream: S(1), next: 6 }])).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(acked.next(S(1))).toBe(5)
  at.disk.capacityBytes = Number.POSITIVE_INFINITY
  await acked.record([{ stream: S(1), next: 7 }])
  expect((await load(at)).next(S(1))).toBe(7)
})

test('damaged marks are set aside and the rest counts', async () => {
  const at = await desk()
  const acked = await load(at)
  for (let i = 1; i <= 5; i++) await acked.record([{ stream: S(i), next: i }])
  const { path } = (await listSegments(at.disk, '/s/acked'))[0]!
  const middle = at.disk.peek(path)!.length >> 1
  // One bit is mended, where two are not.
  for (const [bit, left] of [
    [2, 5],
    [3, 4]
  ] as const) {
    at.disk.flip(path, middle, bit)
    const before = at.disk.snapshot()
    const again = await load(at)
    expect(again.streams().size).toBe(left)
    expect((await at.disk.list('/s/corrupt')).length).toBeGreaterThan(0)
    at.disk.restore(before)
  }
})

test('rows that this version cannot read are left out', () => {
  const good = { stream: S(1), next: 5, settled: 3 }
  expect(decodeAcked(encodeAcked([good, { stream: S(2), ended: 4, removing: 'outbox/x' }]))).toEqual([
    good,
    { stream: S(2), ended: 4, removing: 'outbox/x' }
  ])
  for (const mark of [
    undefined,
    null,
    5,
    'x',
    [],
    {},
    { acked: 5 },
    { acked: [5, [], ['x'], [S(1).toUpperCase(), 'a']] }
  ])
    expect(decodeAcked(mark)).toEqual(mark && typeof mark === 'object' && 'acked' in mark ? expect.any(Array) : [])
  expect(decodeAcked({ acked: [[S(1), -1, 1.5, 'x', null, 7, 'later']] })).toEqual([{ stream: S(1) }])
})
