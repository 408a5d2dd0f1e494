import { expect, test } from 'vitest'
import { decodeNote } from '../../src/journal/entry.ts'
import { FolderTail } from '../../src/journal/folder-tail.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { desk, FOLDER, parts } from './desk.ts'

const COUNT = 4

/** A tail that has seen the first of four marks, each a commit. */
async function begun() {
  const { journal, disk } = await desk()
  const tail = new FolderTail({ files: disk, folder: FOLDER })
  const look = async () => {
    const seen: unknown[] = []
    for await (const { frame } of tail.look()) seen.push((decodeNote(frame.payload, 0) as { n: number }).n)
    return seen
  }
  await journal.appendMark({ n: 0 })
  const first = await look()
  for (let n = 1; n < COUNT; n++) await journal.appendMark({ n })
  const frames = (await parts(disk)).flatMap(part => (part.kind === 'frame' ? [part.frame] : []))
  return { disk, look, first, frames, path: (await listSegments(disk, FOLDER))[0]!.path }
}

test('whichever bit is flipped before it is read, a tail that follows marks misses none and goes on', async () => {
  const { frames } = await begun()
  const { offset, end } = frames[1]!
  for (let bit = offset * 8; bit < end * 8; bit += 3) {
    const { disk, look, first, path } = await begun()
    disk.flip(path, bit >> 3, bit & 7)
    expect([...first, ...(await look())], `bit ${bit}`).toEqual([0, 1, 2, 3])
    expect(await look()).toEqual([])
  }
})

test('a bad place that no later frame vouches for is waited at: it may be whole in a moment', async () => {
  const { disk, look, path, frames } = await begun()
  const { offset, end } = frames.at(-1)!
  const bytes = disk.peek(path)!
  disk.plant(path, Buffer.concat([bytes.subarray(0, offset + 40), Buffer.alloc(end - offset - 40)]))
  expect(await look()).toEqual([1, 2])
  expect(await look()).toEqual([])
  disk.plant(path, bytes)
  expect(await look()).toEqual([3])
})

/** Marks in segments of their own, so long after each other; then what somebody sees who asks for what came since. */
async function seenSince(stepsMs: number[], since: number): Promise<number[]> {
  const { journal, disk, clock } = await desk()
  const begun = clock.now()
  await journal.appendMark({ n: 0 })
  for (const [i, ms] of stepsMs.entries()) {
    clock.step(ms)
    journal.rotate()
    await journal.appendMark({ n: i + 1 })
  }
  const tail = new FolderTail({ files: disk, folder: FOLDER, since: begun + since })
  const seen: number[] = []
  for await (const { frame } of tail.look())
    if (frame.kind === 'data') seen.push((decodeNote(frame.payload, 0) as { n: number }).n)
  return seen
}

test('who asks for what came since some time reads no older segments, and all on both sides of where the clock was set back', async () => {
  const [hour, day] = [3_600_000, 86_400_000]
  expect(await seenSince([2 * hour, 2 * hour, 2 * hour], 6 * hour)).toEqual([2, 3])
  expect(await seenSince([2 * hour, -day, 2 * hour], 2 * hour)).toEqual([0, 1, 2, 3])
  expect(await seenSince([2 * hour, 2 * hour, -day, 2 * hour], 4 * hour)).toEqual([1, 2, 3, 4])
  expect(await seenSince([-day, day, 2 * hour], 4 * hour)).toEqual([0, 1, 2, 3])
})
