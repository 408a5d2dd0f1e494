import { expect, test } from 'vitest'
import { ENTRY_BYTES_MIN, encodeHole, encodeMark, encodeMessage } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { mendMark } from '../../src/journal/mend-mark.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'

const MARK = encodeMark({ m: 'done', l: '3.17', s: 'ab'.repeat(16), r: [[0, 500]] })
const BEHIND = encodeMark({ m: 'told', s: 'cd'.repeat(16), r: [[0, 5]] })

test('DISK-11: any flipped bit of a mark is mended, whatever lies behind it', () => {
  const wrong: string[] = []
  for (const behind of [Buffer.alloc(0), BEHIND, Buffer.alloc(1_000)])
    for (let bit = 0; bit < MARK.length * 8; bit++) {
      const bytes = Buffer.concat([MARK, behind])
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const before = Buffer.from(bytes)
      if (!mendMark(bytes)?.equals(MARK) || !bytes.equals(before))
        wrong.push(`bit ${bit} with ${behind.length} bytes behind`)
    }
  expect(wrong).toEqual([])
})

test('of a large mark too', () => {
  const large = encodeMark({ m: 'streams', q: Array.from({ length: 3_000 }, (_, i) => ['ef'.repeat(16), i]) })
  for (let bit = 5; bit < large.length * 8; bit += 70_001) {
    const bytes = Buffer.from(large)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    expect(mendMark(bytes)?.equals(large), `bit ${bit} of ${large.length * 8}`).toBe(true)
  }
})

test('nothing else is taken for a mark: two flipped bits, a message, a hole, garbage', () => {
  const random = new SimRandom('mend a mark')
  const draft = { kind: 'text' as const, body: '{"m":"done"}', sentAt: 1_700_000_000_000, id: 'x' }
  const message = Buffer.alloc(200)
  const length = encodeMessage(draft, new Ids(new SimClock(), random), message, 0)
  const hole = encodeHole({ code: 'MESSAGE_TOO_LARGE', id: 'x' })
  const taken: string[] = []
  for (const entry of [message.subarray(0, length), hole])
    for (let bit = 0; bit < entry.length * 8; bit++) {
      const bytes = Buffer.from(entry)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      if (mendMark(bytes) !== undefined) taken.push(`bit ${bit}`)
    }
  for (let i = 0; i < 5_000; i++) {
    const bytes = Buffer.from(MARK)
    const [one, other] = [random.int(MARK.length * 8), random.int(MARK.length * 8)]
    for (const bit of [one, other]) bytes[bit >> 3]! ^= 1 << (bit & 7)
    if (one !== other && mendMark(bytes) !== undefined) taken.push(`bits ${one} and ${other}`)
  }
  expect(taken).toEqual([])
  for (let bytes = 0; bytes < ENTRY_BYTES_MIN; bytes++) expect(mendMark(MARK.subarray(0, bytes))).toBeUndefined()
})
