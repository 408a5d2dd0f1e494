import { expect, test } from 'vitest'
import { decodeMessage } from '../../src/journal/entry.ts'
import { salvageFrame } from '../../src/journal/salvage.ts'
import { SEGMENT_HEAD_BYTES } from '../../src/journal/segment-head.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { segmentParts } from '../../src/journal/segment-parts.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { bodies, desk, FOLDER, parts, text } from './desk.ts'

const id = (given: string) => given

/** Three frames of 2, 3 and 1 messages, the last of them above what is known to be synced. */
async function threeFrames() {
  const { journal, disk } = await desk()
  await journal.appendAll(
    ['a0', 'a1'].map(body => text(body)),
    id
  )
  await journal.appendAll(
    ['b0', 'b1', 'b2'].map(body => text(body)),
    id
  )
  await journal.append(text('c0'), id)
  const path = (await listSegments(disk, FOLDER))[0]!.path
  const frames = (await parts(disk)).flatMap(part => (part.kind === 'frame' ? [part.frame] : []))
  return { disk, path, frames, bytes: disk.peek(path)! }
}

test('a tail torn at any byte is dropped and every earlier frame is kept', async () => {
  const { disk, path, bytes, frames } = await threeFrames()
  for (let cut = 0; cut <= bytes.length; cut++) {
    disk.plant(path, bytes.subarray(0, cut))
    const whole = frames.filter(frame => frame.end <= cut)
    expect((await bodies(disk)).length, `cut at ${cut}`).toBe(whole.reduce((sum, frame) => sum + frame.count, 0))
    expect((await parts(disk)).some(part => part.kind === 'damage')).toBe(false)
  }
})

test('a frame that is whole a moment after it was read, while its writer goes on, is no damage', async () => {
  const { disk, path, frames } = await threeFrames()
  const reader = (await SegmentReader.open(disk, path))!
  const read = reader.read.bind(reader)
  let reads = 0
  // At the first look only the first one was there, and half of what comes behind it.
  reader.read = async (offset, ...how) => {
    const found = await read(offset, ...how)
    if (reads++ > 0) return found
    return { ...found, frames: found.frames.slice(0, 1), next: frames[0]!.end, stop: 'bad' }
  }
  const found: string[] = []
  for await (const part of segmentParts(reader)) found.push(part.kind === 'frame' ? `${part.frame.offset}` : part.kind)
  expect(found).toEqual([...frames.map(({ offset }) => `${offset}`), 'end'])
  expect(reads).toBeGreaterThan(1)
})

test('a tail of 1 to 8,192 zero bytes, or of garbage, is a tail', async () => {
  const { disk, path, bytes } = await threeFrames()
  for (const tail of [Buffer.alloc(1), Buffer.alloc(8_192), Buffer.from('garbage'), Buffer.alloc(500, 0xff)]) {
    disk.plant(path, Buffer.concat([bytes, tail]))
    expect((await parts(disk)).at(-1)).toMatchObject({ kind: 'end', at: bytes.length, sealed: false })
    expect(await bodies(disk)).toHaveLength(6)
  }
})

test('any flipped bit in a synced frame is damage that costs nothing but that frame, of which salvage returns all but one message', async () => {
  const { disk, path, bytes, frames } = await threeFrames()
  const hit = frames[0]!
  const reader = (await SegmentReader.open(disk, path))!
  for (let bit = hit.offset * 8; bit < hit.end * 8; bit++) {
    disk.plant(path, bytes)
    disk.flip(path, bit >> 3, bit & 7)
    const found = await parts(disk)
    expect(found[0], `bit ${bit}`).toMatchObject({ kind: 'damage', from: hit.offset, to: hit.end })
    expect(await bodies(disk)).toEqual(['b0', 'b1', 'b2', 'c0'])
    const damaged = disk.peek(path)!.subarray(hit.offset, hit.end)
    const salvaged = salvageFrame(damaged, reader.head.salt)!
    const inHeader = bit < hit.payloadAt * 8
    expect(salvaged.entries.length, `bit ${bit}`).toBe(inHeader ? 2 : 1)
    for (const { index, bytes: entry } of salvaged.entries)
      expect(decodeMessage(entry, 0).body.toString()).toBe(`a${index}`)
  }
})

test('a length field of 4 GiB in a frame header is bounded', async () => {
  const { disk, path, bytes, frames } = await threeFrames()
  bytes.writeUInt32LE(0xffffffff, frames[1]!.offset + 12)
  disk.plant(path, bytes)
  expect(await bodies(disk)).toEqual(['a0', 'a1', 'c0'])
})

test('bytes inside a body that look like a frame are not taken for one', async () => {
  const { path, bytes, frames } = await threeFrames()
  const frame = bytes.subarray(frames[0]!.offset, frames[0]!.end)
  const { journal, disk: other } = await desk({ seed: 'another salt' })
  await journal.append({ kind: 'bytes', body: Buffer.concat([frame, frame]), sentAt: 1 }, id)
  await journal.append(text('next'), id)
  await journal.append(text('last'), id)
  const target = (await listSegments(other, FOLDER))[0]!.path
  other.flip(target, SEGMENT_HEAD_BYTES + 60, 3)
  const found = await bodies(other)
  expect(found).toEqual(['next', 'last'])
  expect(path).toBe(target)
})

test('a reader that follows sees each frame once, when it is whole', async () => {
  const { journal, disk } = await desk()
  await journal.append(text('m0'), id)
  const reader = (await SegmentReader.open(disk, (await listSegments(disk, FOLDER))[0]!.path))!
  let at = SEGMENT_HEAD_BYTES
  const seen: string[] = []
  for (let i = 1; i <= 50; i++) {
    const { frames, next, stop } = await reader.read(at, 1_048_576)
    for (const frame of frames) seen.push(decodeMessage(frame.payload, 0).body.toString())
    expect(stop).toBe('end')
    at = next
    await journal.append(text(`m${i}`), id)
  }
  expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => `m${i}`))
})

test('a frame larger than the window is read whole', async () => {
  const { journal, disk } = await desk()
  await journal.append(text('x'.repeat(3_000_000)), id)
  expect((await bodies(disk))[0]).toHaveLength(3_000_000)
})

test('a segment of a newer format is refused by name', async () => {
  const { disk, path, bytes } = await threeFrames()
  bytes.writeUInt16LE(2, 8)
  disk.plant(path, bytes)
  await expect(SegmentReader.open(disk, path)).rejects.toMatchObject({ code: 'FORMAT_NEWER' })
})
