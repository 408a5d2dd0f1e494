import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { keyBytes } from '../../src/journal/attributes.ts'
import {
  decodeMessage,
  decodeNote,
  encodeHole,
  encodeMessage,
  entryBytes,
  entryFault
} from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import { bodies, desk, FOLDER, parts } from '../journal/desk.ts'

/** What this version writes, with every kind of entry and frame; the file was written by version 1 and must never change. */
const GOLDEN = fileURLToPath(new URL('./segment-v1.hex', import.meta.url))
const golden = () => Buffer.from(readFileSync(GOLDEN, 'latin1').replace(/\s/g, ''), 'hex')

const KEYED = '320000009f94c1eb012d0068e5cf8b01016d1b0000007b226b223a22c3bc5c2231222c2268223a7b2261223a2262227d7d78'
const NO_IDS = new Ids(new SimClock(), new SimRandom(1))

async function written(): Promise<Buffer> {
  const { journal, disk } = await desk({ seed: 'golden' })
  const id = (given: string) => given
  await journal.append({ kind: 'text', body: 'plain', sentAt: 1_700_000_000_000 }, id)
  await journal.appendAll(
    [
      { kind: 'bytes', body: Buffer.from([0, 255]), sentAt: 1_700_000_000_001, id: 'order-7' },
      {
        kind: 'json',
        body: '{"a":1}',
        sentAt: 1_700_000_000_002,
        expiresAt: 1_700_000_600_000,
        headers: { Größe: 'ü' }
      }
    ],
    id
  )
  await journal.appendMark({ m: 'done', r: [[0, 2]] })
  const source = {
    origin: '01'.repeat(16),
    node: 'berlin',
    stream: '02'.repeat(16),
    from: 5,
    to: 6,
    order: 9,
    priority: 4
  }
  await journal.appendRange({ source, entries: [encodeHole({ code: 'MESSAGE_TOO_LARGE', id: 'x' })], count: 1 })
  await journal.appendRange({ source: { ...source, from: 6, to: 9 }, entries: [], count: 0, kind: 'skip' })
  await journal.close()
  return disk.peek((await listSegments(disk, FOLDER))[0]!.path)!
}

test('this version writes the bytes that version 1 wrote', async () => {
  expect((await written()).toString('hex')).toBe(golden().toString('hex'))
})

test('this version reads the bytes that version 1 wrote', async () => {
  const { disk, journal } = await desk()
  await journal.append({ kind: 'text', body: 'x', sentAt: 1 }, given => given)
  const path = (await listSegments(disk, FOLDER))[0]!.path
  disk.plant(path, golden())
  const found = await parts(disk)
  const frames = found.flatMap(part => (part.kind === 'frame' ? [part.frame] : []))
  expect(frames.map(frame => [frame.kind, frame.count])).toEqual([
    ['data', 1],
    ['data', 2],
    ['data', 1],
    ['data', 1],
    ['skip', 0],
    ['seal', 0]
  ])
  expect(found.at(-1)).toMatchObject({ kind: 'end', sealed: true })
  const second = frames[1]!.payload
  expect(decodeMessage(second, 0)).toMatchObject({
    id: 'order-7',
    remembered: true,
    kind: 'bytes',
    sentAt: 1_700_000_000_001
  })
  expect(decodeMessage(second, entryBytes(second, 0))).toMatchObject({
    expiresAt: 1_700_000_600_000,
    headers: { Größe: 'ü' }
  })
  expect(decodeNote(frames[2]!.payload, 0)).toEqual({ m: 'done', r: [[0, 2]] })
  expect(frames[3]!.source).toEqual({
    origin: '01'.repeat(16),
    node: 'berlin',
    stream: '02'.repeat(16),
    from: 5,
    to: 6,
    order: 9,
    priority: 4
  })
  await expect(bodies(disk)).resolves.toHaveLength(5)
})

test('a message with a key is the bytes that version 1 wrote, and its key is found in them', () => {
  const bytes = Buffer.from(KEYED, 'hex')
  const draft = {
    kind: 'text',
    body: 'x',
    sentAt: 1_700_000_000_000,
    id: 'm',
    key: 'ü"1',
    headers: { a: 'b' }
  } as const
  const into = Buffer.alloc(200)
  expect(into.subarray(0, encodeMessage(draft, NO_IDS, into, 0)).toString('hex')).toBe(KEYED)
  expect(entryFault(bytes, 0)).toBeUndefined()
  expect(decodeMessage(bytes, 0)).toMatchObject({ id: 'm', key: 'ü"1', headers: { a: 'b' } })
  expect(keyBytes(bytes, 0)?.toString()).toBe('ü\\"1')
})
