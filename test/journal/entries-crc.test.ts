import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { entriesCrc } from '../../src/journal/entries-crc.ts'
import { SimRandom } from '../../src/system/sim/index.ts'

function entry(random: SimRandom, bytes: number): Buffer {
  const entry = random.bytes(bytes)
  entry.writeUInt32LE(bytes, 0)
  entry.writeUInt32LE(crc32(entry.subarray(8)), 4)
  return entry
}

test('the CRC of entries is that of their bytes, in one part or in many, small or large', () => {
  const seed = 1 + Math.floor(Math.random() * 1_000_000)
  const random = new SimRandom(seed)
  for (let round = 0; round < 300; round++) {
    const most = [100, 5_000, 70_000][round % 3]!
    const entries = Array.from({ length: 1 + (round % 5) }, () => entry(random, 12 + Math.floor(random.next() * most)))
    const whole = Buffer.concat(entries)
    expect(entriesCrc([whole], entries.length), `seed ${seed}`).toBe(crc32(whole))
    expect(entriesCrc(entries, entries.length), `seed ${seed}`).toBe(crc32(whole))
  }
  expect(entriesCrc([], 0)).toBe(0)
})

test('of entries whose lengths do not add up it is that of the bytes too', () => {
  const whole = entry(new SimRandom(1), 3_000)
  for (const length of [0, 3, 11, 3_001, 0xffff_ffff]) {
    whole.writeUInt32LE(length, 0)
    expect(entriesCrc([whole], 1)).toBe(crc32(whole))
  }
})

test('a bit that flipped in a large entry after its CRC was made shows in the CRC of the frame', () => {
  const whole = entry(new SimRandom(1), 3_000)
  const sound = crc32(whole)
  whole[1_000]! ^= 4
  expect(entriesCrc([whole], 1)).toBe(sound)
  expect(crc32(whole)).not.toBe(sound)
})
