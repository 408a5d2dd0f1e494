import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { bodies, desk, FOLDER, parts, text } from './desk.ts'

const id = (given: string) => given

test('a writer that could never begin a segment has none to end', async () => {
  const { journal, disk } = await desk({ endsWithSeal: true })
  disk.failNext({ call: 'create', code: 'ENOSPC', times: Number.POSITIVE_INFINITY })
  await expect(journal.append(text('lost'), id)).rejects.toMatchObject({ code: 'DISK_FULL' })
  await journal.close()
})

test('P6: a writer that closes after a failed commit leaves a seal behind, or says that it could not', async () => {
  for (const full of [false, true]) {
    const { journal, disk } = await desk({ endsWithSeal: true })
    await journal.append(text('kept'), id)
    disk.failNext({ call: 'writeSynced', code: 'ENOSPC' })
    await expect(journal.append(text('lost'), id)).rejects.toMatchObject({ code: 'DISK_FULL' })
    if (full) disk.failNext({ call: 'create', code: 'ENOSPC' })
    const closed = journal.close()
    if (full) await expect(closed).rejects.toMatchObject({ code: 'DISK_FULL' })
    else await closed
    const kinds = (await parts(disk)).map(part => (part.kind === 'frame' ? part.frame.kind : part.kind))
    expect(kinds.filter(kind => kind === 'seal')).toHaveLength(full ? 0 : 1)
    expect(await bodies(disk)).toContain('kept')
  }
})

test('P6: a segment that could not be sealed when the next one was due is ended by a seal in the next one', async () => {
  const { journal, disk } = await desk({ endsWithSeal: true })
  await journal.append(text('kept'), id)
  journal.rotate()
  disk.failNext({ call: 'writeSynced', code: 'ENOSPC' })
  await expect(journal.append(text('lost'), id)).rejects.toMatchObject({ code: 'DISK_FULL' })
  await journal.close()
  // Whether the first seal came to the disk nobody knows: the second segment's does.
  expect(await listSegments(disk, FOLDER)).toHaveLength(2)
  expect((await parts(disk)).at(-2)).toMatchObject({ kind: 'frame', frame: { kind: 'seal' } })
})

test('a seal that may not be on the disk, though all of it was written, is not left for anybody to believe', async () => {
  const { journal, disk } = await desk()
  await journal.append(text('kept'), id)
  disk.failNext({ call: 'writeSynced', code: 'EIO', partialBytes: Number.MAX_SAFE_INTEGER })
  await expect(journal.close()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect((await parts(disk)).map(part => (part.kind === 'frame' ? part.frame.kind : part.kind))).toEqual([
    'data',
    'end'
  ])
  expect(await bodies(disk)).toEqual(['kept'])
})
