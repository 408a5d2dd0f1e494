import { expect, test } from 'vitest'
import { Blocks } from '../../src/journal/blocks.ts'
import { encodeMark } from '../../src/journal/entry.ts'
import type { Frame, Source } from '../../src/journal/frame.ts'
import { SEGMENT_HEAD_BYTES } from '../../src/journal/segment-head.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import type { Files } from '../../src/system/files.ts'
import { desk, FOLDER, SPOOL, text } from './desk.ts'

const MESSAGES = 12

/** Messages sent one after the other, with one batch among them: a frame each. */
async function oneByOne() {
  const { journal, disk, clock } = await desk()
  for (let n = 0; n < MESSAGES; n++) {
    if (n === 5)
      await journal.appendAll(
        ['x', 'y'].map(body => text(body)),
        id => id
      )
    await journal.append(text(`body ${n}`), id => id)
    if (n === 7) await clock.advance(1_500)
  }
  const path = (await listSegments(disk, FOLDER))[0]!.path
  return { disk, path, bytes: Buffer.from(disk.peek(path)!) }
}

/** What is read: the frames, and their payloads in a row. */
async function readAll(files: Files, path: string, joined: boolean) {
  const reader = (await SegmentReader.open(files, path))!
  const read = await reader.read(SEGMENT_HEAD_BYTES, 1_000_000, joined ? { blocks: new Blocks() } : {})
  await reader.close()
  const payload = Buffer.concat(read.frames.map(frame => frame.payload))
  return { ...read, payload, positions: read.frames.reduce((sum, { count }) => sum + count, 0) }
}

test('frames of one message each come as one for each second, with the same entries', async () => {
  const { disk, path } = await oneByOne()
  const [single, joined] = [await readAll(disk, path, false), await readAll(disk, path, true)]
  expect(single.frames).toHaveLength(MESSAGES + 1)
  expect(joined.frames.map(({ first, count }) => [first, count])).toEqual([
    [0, 10],
    [10, 4]
  ])
  expect(joined.payload.equals(single.payload)).toBe(true)
  expect(joined).toMatchObject({ next: single.next, stop: single.stop, newestAt: single.newestAt })
  expect(joined.frames.at(-1)!.end).toBe(single.frames.at(-1)!.end)
})

test('cut at any byte, or with any byte damaged, as much comes as does one by one', async () => {
  const { disk, path, bytes } = await oneByOne()
  const same = async (why: string) => {
    const [single, joined] = [await readAll(disk, path, false), await readAll(disk, path, true)]
    expect(joined.positions, why).toBe(single.positions)
    expect(joined.payload.equals(single.payload), why).toBe(true)
    expect([joined.next, joined.stop], why).toEqual([single.next, single.stop])
  }
  for (let at = SEGMENT_HEAD_BYTES; at < bytes.length; at += 3) {
    disk.plant(path, bytes.subarray(0, at))
    await same(`cut at ${at}`)
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 0x41
    disk.plant(path, damaged)
    await same(`damaged at ${at}`)
  }
})

test('the frames of one stream are found among those of others, and nothing is missed behind them', async () => {
  const { journal, disk } = await desk()
  const streams = ['01', '02', '03'].map(byte => byte.repeat(16))
  for (let n = 0; n < 30; n++) {
    const source: Source = {
      origin: SPOOL,
      node: 'osaka',
      stream: streams[n % 3]!,
      from: n,
      to: n + 1,
      order: n,
      priority: 4
    }
    await journal.appendRange({ source, entries: [encodeMark({ n })], count: 1 })
    if (n % 10 === 0) await journal.appendMark({ m: 'x', n })
  }
  const reader = (await SegmentReader.open(disk, (await listSegments(disk, FOLDER))[0]!.path))!
  const all = (await reader.read(SEGMENT_HEAD_BYTES, 1_000_000)).frames
  for (const stream of streams) {
    const found: Frame[] = []
    for (let offset = SEGMENT_HEAD_BYTES, stop = 'more'; stop === 'more'; ) {
      const read = await reader.read(offset, 600, { stream })
      found.push(...read.frames.filter(({ source }) => source !== undefined))
      offset = read.next
      stop = read.stop
    }
    expect(found.map(({ source }) => source!.from)).toEqual(
      all.filter(({ source }) => source?.stream === stream).map(({ source }) => source!.from)
    )
    expect(found).toHaveLength(10)
  }
  await reader.close()
})
