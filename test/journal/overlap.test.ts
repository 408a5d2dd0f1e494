import { expect, test } from 'vitest'
import { decodeNote, entryBytes } from '../../src/journal/entry.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import type { Files } from '../../src/system/files.ts'
import { FOLDER, parts } from './desk.ts'
import { closing, held, note, turns } from './held-writes.ts'

const SOURCE = { origin: '1'.repeat(32), node: 'a', stream: '2'.repeat(32), from: 0, to: 1, order: 0, priority: 4 }

const BEFORE = [{ m: 0 }, { m: 0 }, { m: 0 }]

async function marks(files: Files): Promise<unknown[]> {
  const found: unknown[] = []
  for (const part of await parts(files)) {
    if (part.kind !== 'frame' || part.frame.kind !== 'data') continue
    const { payload } = part.frame
    for (let at = 0; at < payload.length; at += entryBytes(payload, at)) found.push(decodeNote(payload, at))
  }
  return found
}

test('marks are on their way in two commits, and are told of in their order', async () => {
  const { clock, disk, journal, writes, told, mark } = await held()
  const first = mark(1)
  await turns(clock)
  const second = mark(2)
  await turns(clock)
  const third = mark(3)
  await turns(clock)
  expect(writes).toHaveLength(2)
  await writes[1]!.write()
  await turns(clock)
  expect(told).toEqual([])
  await writes[0]!.write()
  await turns(clock)
  expect(told).toEqual(['good 1:true', '1 ok', 'good 1:true', '2 ok'])
  await writes[2]!.write()
  await Promise.all([first, second, third])
  await turns(clock, closing(journal, writes))
  expect(await marks(disk)).toEqual([...BEFORE, { m: 1 }, { m: 2 }, { m: 3 }])
})

test('two commits on their way go through a descriptor each: of one, Linux may tell either of the failure of the other', async () => {
  const { clock, writes, mark } = await held()
  const all: Promise<void>[] = []
  for (const m of [1, 2, 3]) {
    all.push(mark(m))
    await turns(clock)
  }
  await writes[0]!.write()
  await turns(clock)
  expect(writes).toHaveLength(3)
  expect(writes[1]!.through).not.toBe(writes[0]!.through)
  expect(writes[2]!.through).not.toBe(writes[1]!.through)
  for (const i of [1, 2]) await writes[i]!.write()
  await Promise.all(all)
})

test('when the first fails, the second and what waits fail with it, once, though the second was written', async () => {
  const { clock, journal, writes, closed, told, mark } = await held()
  const all = [mark(1)]
  await turns(clock)
  all.push(mark(2))
  await turns(clock)
  all.push(mark(3))
  await writes[1]!.write()
  await turns(clock)
  await writes[0]!.fail('EIO')
  await Promise.all(all)
  expect(told).toEqual(['failed', '1 DISK_ERROR', '2 DISK_ERROR', '3 DISK_ERROR'])
  await turns(clock)
  expect(closed).toHaveLength(2)
  const after = mark(4)
  await turns(clock)
  expect(writes[2]!.path).not.toBe(writes[0]!.path)
  await writes[2]!.write()
  await after
  expect(told.at(-1)).toBe('4 ok')
  await turns(clock, closing(journal, writes))
})

test('the file of a failed commit is not closed while another one of it is being written', async () => {
  const { clock, writes, closed, told, mark } = await held()
  const all = [mark(1)]
  await turns(clock)
  all.push(mark(2))
  await turns(clock)
  await writes[0]!.fail('EIO')
  await turns(clock)
  expect(told).toEqual(['failed', '1 DISK_ERROR', '2 DISK_ERROR'])
  expect(closed).toEqual([])
  await writes[1]!.write()
  await turns(clock)
  expect(closed).toHaveLength(2)
  await Promise.all(all)
})

test('when the second fails, the first is safe, and who was told of it has done his part before', async () => {
  const { clock, journal, writes, told, mark } = await held()
  const heard = async () => {
    await journal.appendMark({ m: 1 })
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    told.push('1 done')
  }
  const all = [heard()]
  await turns(clock)
  all.push(mark(2))
  await turns(clock)
  await writes[1]!.fail('ENOSPC')
  await turns(clock)
  expect(told).toEqual([])
  await writes[0]!.write()
  await turns(clock)
  await Promise.all(all)
  expect(told).toEqual(['good 1:true', '1 done', 'failed', '2 DISK_FULL'])
})

test('what is on its way when the process dies is there up to the first that is missing', async () => {
  const { clock, disk, writes, mark } = await held()
  void mark(1)
  await turns(clock)
  void mark(2)
  await turns(clock)
  await writes[1]!.write()
  await turns(clock)
  expect(await marks(disk)).toEqual(BEFORE)
  await writes[0]!.write()
  await turns(clock)
  expect(await marks(disk)).toEqual([...BEFORE, { m: 1 }, { m: 2 }])
})

test('neither messages nor what follows them overlap with anything', async () => {
  const { clock, journal, writes, note, mark } = await held()
  const range = () => journal.appendRange({ source: SOURCE, entries: [Buffer.alloc(0)], count: 0, kind: 'skip' })
  const all = [note(range(), 'range')]
  await turns(clock)
  all.push(mark(1))
  await turns(clock)
  expect(writes).toHaveLength(1)
  await writes[0]!.write()
  await turns(clock)
  expect(writes).toHaveLength(2)
  all.push(note(range(), 'range'))
  await turns(clock)
  expect(writes).toHaveLength(2)
  await writes[1]!.write()
  await turns(clock)
  await writes[2]!.write()
  await Promise.all(all)
})

test('a segment ends behind all that is on its way to it', async () => {
  const { clock, disk, journal, writes, told, mark } = await held()
  const all = [mark(1)]
  await turns(clock)
  all.push(mark(2))
  await turns(clock)
  journal.rotate()
  all.push(mark(3))
  await writes[0]!.write()
  await turns(clock)
  expect(writes).toHaveLength(2)
  await writes[1]!.write()
  for (let i = 2; i < 4; i++) {
    await turns(clock)
    await writes[i]!.write()
  }
  await Promise.all(all)
  expect(told.filter(line => line.endsWith('ok'))).toEqual(['1 ok', '2 ok', '3 ok'])
  expect(await listSegments(disk, FOLDER)).toHaveLength(2)
  await turns(clock, closing(journal, writes))
  expect(await marks(disk)).toEqual([...BEFORE, { m: 1 }, { m: 2 }, { m: 3 }])
})

test('closing waits for both', async () => {
  const { clock, journal, writes, told, mark } = await held()
  const all = [mark(1)]
  await turns(clock)
  all.push(mark(2))
  await turns(clock)
  const closing = note(journal.close(), 'close', told)
  await writes[0]!.write()
  await turns(clock)
  await writes[1]!.write()
  await turns(clock)
  await writes[2]!.write()
  await Promise.all([...all, closing])
  expect(told.filter(line => !line.startsWith('good'))).toEqual(['1 ok', '2 ok', 'close ok'])
})

test('without being asked for, one commit follows the other', async () => {
  const { clock, writes, mark } = await held({ overlap: false })
  const all = [mark(1)]
  await turns(clock)
  all.push(mark(2))
  await turns(clock)
  expect(writes).toHaveLength(1)
  await writes[0]!.write()
  await turns(clock)
  await writes[1]!.write()
  await Promise.all(all)
})
