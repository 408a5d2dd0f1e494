import { expect, test } from 'vitest'
import { wantsReceipt } from '../../src/journal/attributes.ts'
import { decodeMessage, encodeMark, encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import type { Draft } from '../../src/message.ts'
import { readCheckpoint } from '../../src/server/checkpoint.ts'
import { inboxMark } from '../../src/server/inbox-marks.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import { InboxBed, rangeOf, streamId, verdict } from '../server/inbox-bed.ts'

const IDS = new Ids(new SimClock(), new SimRandom('receipt'))
const DRAFT: Draft = { id: 'order-17', sentAt: 1, kind: 'text', body: 'hi', receipt: true }

function entryOf(draft: Draft): Buffer {
  const into = Buffer.alloc(messageBytesMost(draft))
  return into.subarray(0, encodeMessage(draft, IDS, into, 0))
}

/** As version 1 writes them. */
const GOLDEN = {
  plain: '260000004cc4b895012d010000000000086f726465722d3137070000007b2272223a317d6869',
  headers:
    '3d000000ad6e5af7013d010000000000086f726465722d3137020000000000180000007b2272223a312c2268223a7b226b696e64223a2278227d7d6869',
  told: '4b0000006bd64e9d020000007b226d223a22746f6c64222c2273223a226162616261626162616261626162616261626162616261626162616261626162222c2272223a5b5b302c355d5d7d'
}

test('a message that wants a receipt, and the mark that its sender was told, are written byte for byte as version 1 wrote them', () => {
  expect(entryOf(DRAFT).toString('hex')).toBe(GOLDEN.plain)
  expect(entryOf({ ...DRAFT, expiresAt: 2, headers: { kind: 'x' } }).toString('hex')).toBe(GOLDEN.headers)
  const told = encodeMark({ m: 'told', s: 'ab'.repeat(16), r: [[0, 5]] })
  expect(told.toString('hex')).toBe(GOLDEN.told)
})

test('what version 1 wrote is read: whether a receipt is wanted, headers, the mark', () => {
  for (const [hex, headers] of [
    [GOLDEN.plain, {}],
    [GOLDEN.headers, { kind: 'x' }]
  ] as const) {
    const entry = Buffer.from(hex, 'hex')
    expect(wantsReceipt(entry, 0)).toBe(true)
    const { receipt, ...stored } = decodeMessage(entry, 0)
    expect({ receipt, id: stored.id, headers: { ...stored.headers }, body: stored.body.toString() }).toEqual({
      receipt: true,
      id: 'order-17',
      headers,
      body: 'hi'
    })
  }
  for (const headers of [undefined, { r: '1' }, { '{"r":1': 'x' }])
    expect(wantsReceipt(entryOf({ ...DRAFT, receipt: undefined, headers }), 0)).toBe(false)
  expect(inboxMark({ m: 'told', s: 'ab', r: [[0, 5]] })).toBeDefined()
  expect(inboxMark({ m: 'told', s: 'ab' })).toBeUndefined()
})

test('a checkpoint says which blocks want receipts, who was told, and in which words the others ended', async () => {
  const bed = new InboxBed('receipts')
  let told = 0
  bed.tell = () => (told++ === 0 ? Promise.resolve() : Promise.reject(new Error('full')))
  await bed.open()
  await bed.until(bed.inbox.appendRange(rangeOf('a', 0, [{ receipt: true }, { receipt: true }])))
  await bed.until(bed.inbox.appendRange(rangeOf('b', 0, [{}])))
  const port = bed.inbox.port({ own: false })
  for (const more of [{ result: 1 }, { result: 2 }]) {
    const claim = await bed.until(port.claim(bed.ask(1)))
    await bed.until(port.settle(verdict(claim, 'ack', more)))
    await bed.world.clock.advance(100)
  }
  await bed.until(bed.inbox.close())
  const reader = await bed.until(SegmentReader.open(bed.process.files, '/spool/inbox/c/e1-00000001.seg'))
  const { check } = (await bed.until(readCheckpoint(reader!)))!
  await bed.until(reader!.close())
  expect(check.b.map(row => row[8])).toEqual([2, 0])
  expect(check.d).toEqual([[streamId('a'), [[0, 1]]]])
  expect(check.y).toEqual([[streamId('a'), 1, 2, expect.any(Number), { result: 2 }]])
})
