import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { decodeNote, encodeMark } from '../../src/journal/entry.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { readCheckpoint } from '../../src/server/checkpoint.ts'
import { decodeAcked, encodeAcked, type StreamChange } from '../../src/spool/acked-state.ts'
import { InboxBed, positions, rangeOf, streamId, verdict } from '../server/inbox-bed.ts'

/**
 * A segment of an inbox that was closed in order, with everything that its checkpoint can tell, and a mark of `acked/` with
 * every fact, as version 1 writes them. Once a version is released they never change; until then `DROPR_GOLDEN=write`.
 */
const GOLDEN = fileURLToPath(new URL('./inbox-v1.hex', import.meta.url))
const golden = (part: number) =>
  Buffer.from(readFileSync(GOLDEN, 'latin1').split('\n\n')[part]!.replace(/\s/g, ''), 'hex')
const S = (name: string) => streamId(name)
const FOLDER = '/spool/inbox/c'
const named = (ids: string[]) => ids.map(id => ({ id, body: id }))

const CHANGES: StreamChange[] = [
  { stream: S('sent'), next: 12, settled: 10 },
  { stream: S('ended'), next: 12, settled: 12, ended: 12, endedAt: 1_700_000_000_000 },
  { stream: S('going'), removing: 'outbox/tokyo/common/4/w-00000001.seg' },
  { stream: S('gone'), next: 1, settled: 1, ended: 1, endedAt: 1_700_000_000_000, removing: 'outbox/x', gone: true },
  { stream: S('told'), told: true }
]

async function written(): Promise<Buffer> {
  const bed = new InboxBed('golden')
  await bed.open()
  const refused = [{ at: 5, id: 'big', code: 'MESSAGE_TOO_LARGE' as const, detail: 'too large' }]
  await bed.until(
    bed.inbox.appendRange(rangeOf('a', 0, named(['a0', 'a1', 'a2', 'a3', 'order-1', 'big']), { refused }))
  )
  await bed.until(bed.inbox.appendRange(rangeOf('b', 0, [{ id: 'order-1' }, { id: 'b1', expiresAt: 9e12 }])))
  await bed.until(bed.inbox.appendRange(rangeOf('b', 2, named(['b2']), { skip: 'damaged' })))
  await bed.until(bed.inbox.appendRange(rangeOf('d', 0, named(['d0']))))
  const port = bed.inbox.port({ own: false })
  await port.adopt([]).catch(() => undefined)
  const first = await bed.until(port.claim(bed.ask(1)))
  await bed.until(port.settle(verdict(first, 'ack', { result: 7 })))
  const second = await bed.until(port.claim(bed.ask(1)))
  await bed.until(port.settle(verdict(second, 'retry', { afterMs: 60_000, reason: 'not now' })))
  const third = await bed.until(port.claim(bed.ask(1)))
  await bed.until(port.settle(verdict(third, 'reject', { reason: 'never' })))
  expect(positions(await bed.until(port.claim(bed.ask(1))))).toEqual([3])
  await bed.until(bed.inbox.removed([S('d')], 'sender'))
  await bed.until(bed.inbox.close())
  const [segment] = await bed.until(listSegments(bed.process.files, FOLDER))
  return bed.node.disk.peek(segment!.path)!
}

const hexOf = (bytes: Buffer) => `${bytes.toString('hex').replace(/(.{128})/g, '$1\n')}\n`

if (process.env.DROPR_GOLDEN === 'write')
  test('the golden inbox segment is written', async () => {
    writeFileSync(GOLDEN, `${hexOf(await written())}\n${hexOf(encodeMark(encodeAcked(CHANGES)))}`)
  })

test('a checkpoint and a mark of acked/ are written byte for byte as version 1 wrote them', async () => {
  expect((await written()).equals(golden(0))).toBe(true)
  expect(encodeMark(encodeAcked(CHANGES)).toString('hex')).toBe(golden(1).toString('hex'))
})

test('the checkpoint of version 1 tells what reading its segment frame by frame tells', async () => {
  expect(decodeAcked(decodeNote(golden(1), 0))).toEqual(CHANGES)
  const bed = new InboxBed('reader')
  const path = `${FOLDER}/e1-00000001.seg`
  for (const folder of ['/spool', '/spool/inbox', FOLDER]) await bed.until(bed.node.disk.makeFolder(folder))
  bed.node.disk.plant(path, golden(0))
  const reader = await bed.until(SegmentReader.open(bed.process.files, path))
  const { check, marks } = (await bed.until(readCheckpoint(reader!)))!
  await bed.until(reader!.close())
  expect(check.s.map(([id, , node, , next]) => [id, node, next])).toEqual([
    [S('a'), 'sender', 6],
    [S('b'), 'sender', 3],
    [S('d'), 'sender', 1]
  ])
  expect(check.b.map(row => [...row.slice(0, 4), row[8], row[9]])).toEqual([
    [0, 0, 6, 0, 0, [[5, 6]]],
    [1, 0, 2, 6, 1, [[0, 1]]],
    [2, 0, 1, 8, 0, undefined]
  ])
  expect(check.f).toEqual([
    [S('a'), 'done', [[0, 1]]],
    [S('a'), 'dead', [[2, 3]]]
  ])
  expect(check.r).toEqual([[S('d'), expect.any(Number)]])
  expect(check.p.map(([stream, from, to, , deliveries, attempts]) => [stream, from, to, deliveries, attempts])).toEqual(
    [
      [S('a'), 1, 2, 1, 1],
      [S('a'), 3, 4, 1, 0]
    ]
  )
  expect(marks.map(({ m }) => m)).toEqual(['streams', 'ids'])
  const byEnd = await bed.open()
  const facts = (inbox: typeof byEnd) => ({
    depths: inbox.depths().map(depth => ({ ...depth, attemptsFailed: 0 })),
    streams: [...inbox.streams()].map(stream => [stream.id, stream.next, stream.refusals().length, stream.removedAt])
  })
  const told = facts(byEnd)
  expect(told.depths).toMatchObject([{ pending: 3, delayed: 1, leased: 1, done: 1, dead: 1 }])
  // The same without its seal.
  const other = new InboxBed('other')
  for (const folder of ['/spool', '/spool/inbox', FOLDER]) await other.until(other.node.disk.makeFolder(folder))
  other.node.disk.plant(path, golden(0).subarray(0, golden(0).lastIndexOf('DRFR')))
  expect(facts(await other.open())).toEqual(told)
})
