import { expect, test } from 'vitest'
import { decodeSegmentHead, encodeSegmentHead, SEGMENT_HEAD_BYTES } from '../../src/journal/segment-head.ts'

const HEAD = { salt: 0x12345678, createdAt: 1_767_225_600_000, stream: 'ab'.repeat(16), spool: 'cd'.repeat(16) }
/** The length of the head, which version 1 does not read. */
const LENGTH = [10, 11]

test('DISK-11: any flipped bit of a segment’s head is mended, of its version too, and two are not taken for a head', () => {
  for (let bit = 0; bit < SEGMENT_HEAD_BYTES * 8; bit++) {
    const bytes = encodeSegmentHead(HEAD)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    const before = Buffer.from(bytes)
    expect(decodeSegmentHead(bytes, 'x.seg'), `bit ${bit}`).toEqual(
      LENGTH.includes(bit >> 3) ? HEAD : { ...HEAD, mended: true }
    )
    expect(bytes).toEqual(before)
  }
  for (const [one, other] of [
    [20, 21],
    [130, 400],
    [97, 300]
  ] as const) {
    const bytes = encodeSegmentHead(HEAD)
    for (const bit of [one, other]) bytes[bit >> 3]! ^= 1 << (bit & 7)
    expect(decodeSegmentHead(bytes, 'x.seg')).toBeUndefined()
  }
})

test('a version that no flipped bit explains is refused as newer', () => {
  const bytes = encodeSegmentHead(HEAD)
  for (const version of [2, 4, 7, 256]) {
    bytes.writeUInt16LE(version, 8)
    expect(() => decodeSegmentHead(bytes, 'x.seg')).toThrow(`x.seg has format ${version}, this program reads 1`)
  }
})

test('what is torn, or zeros, is no head', () => {
  const whole = encodeSegmentHead(HEAD)
  for (let bytes = 0; bytes < SEGMENT_HEAD_BYTES - 1; bytes++) {
    expect(decodeSegmentHead(whole.subarray(0, bytes), 'x.seg')).toBeUndefined()
    const torn = Buffer.alloc(SEGMENT_HEAD_BYTES)
    whole.copy(torn, 0, 0, bytes)
    expect(decodeSegmentHead(torn, 'x.seg')).toBeUndefined()
  }
})
