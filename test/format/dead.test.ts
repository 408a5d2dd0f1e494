import { expect, test } from 'vitest'
import { decodeNote } from '../../src/journal/entry.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { segmentParts } from '../../src/journal/segment-parts.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { DeadLedger } from '../../src/server/dead-ledger.ts'
import { DeadFates, holdsMarks } from '../../src/spool/dead-marks.ts'
import { desk } from '../spool/desk.ts'

const A = 'aa'.repeat(16)
const B = 'bb'.repeat(16)
const NEW = 'cc'.repeat(16)

/** As docs/format.md says them; what version 1 wrote must be read for ever. */
const MARKS = [
  '{"moving":{"s":"cccccccccccccccccccccccccccccccc","f":0,"l":[["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",[[3,4],[9,11]]],["bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",[[0,1]]]]}}',
  '{"moved":{"s":"cccccccccccccccccccccccccccccccc","t":2}}',
  '{"gone":{"how":"dropped","t":1704067200000,"l":[["bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",[[7,8]]]]}}'
]

test('the marks of dead letters are written as docs/format.md says, and as version 1 wrote them', async () => {
  const at = await desk()
  const ledger = new DeadLedger({ spool: at.spool, epoch: 3, ids: at.ids })
  await ledger.mark('c', {
    moving: {
      s: NEW,
      f: 0,
      l: [
        [
          A,
          [
            [3, 4],
            [9, 11]
          ]
        ],
        [B, [[0, 1]]]
      ]
    }
  })
  await ledger.mark('c', { moved: { s: NEW, t: 2 } })
  const fates = new DeadFates()
  await ledger.gone('c', 'dropped', [{ stream: B, position: 7 }], fates)
  await ledger.close()
  const [segment] = await listSegments(at.disk, at.spool.dead('c'))
  expect(segment!.path).toMatch(/\/dead\/c\/m3-00000001\.seg$/)
  expect(holdsMarks(segment!.path)).toBe(true)
  const reader = (await SegmentReader.open(at.disk, segment!.path))!
  const read: string[] = []
  const folded = new DeadFates()
  for await (const part of segmentParts(reader)) {
    if (part.kind !== 'frame' || part.frame.kind !== 'data') continue
    folded.fold(part.frame)
    read.push(JSON.stringify(decodeNote(part.frame.payload, 0)))
  }
  await reader.close()
  const time = /"t":\d{13}/
  expect(read.map(mark => mark.replace(time, ''))).toEqual(MARKS.map(mark => mark.replace(time, '')))
  // Two of the four arrived: the first two in their order.
  expect(folded.end()).toEqual([
    {
      stream: NEW,
      from: 2,
      rows: [
        [A, [[10, 11]]],
        [B, [[0, 1]]]
      ]
    }
  ])
  expect([3, 9, 10].map(position => folded.of(A, position))).toEqual(['moved', 'moved', 'dead'])
  expect([0, 7].map(position => folded.of(B, position))).toEqual(['dead', 'dropped'])
})
