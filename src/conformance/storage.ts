import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import type { Files } from '../system/files.ts'
import { type Case, like } from './case.ts'

/** A place where a storage can be tried, and what the suite needs besides. */
export interface StoragePlace {
  files: Files
  /** An empty folder. */
  root: string
  /** Puts a symbolic link at `path`. Absent where there is no such thing: what is owed of links is left out. */
  plantLink?: (path: string) => void
}

/**
 * What every storage of a journal must do: ours on the disk, the simulated one, yours. Each case opens a place of its own.
 *
 * A power cut cannot be tried from here: what `writeSynced`, `sync`, `replace` and `syncFolder` promise is for its author to keep.
 */
export function storageCases(open: () => Promise<StoragePlace> | StoragePlace): Case[] {
  const cases: Case[] = []
  const it = (title: string, run: (place: StoragePlace) => Promise<void>) =>
    cases.push({ title, run: async () => run(await open()) })

  it('what is written at a position is read back from there', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await file.writeSynced([Buffer.from('hello ')], 0)
    await file.write([Buffer.from('wo'), Buffer.from(''), Buffer.from('rld')], 6)
    await file.writeSynced([Buffer.from('!'), Buffer.from('?')], 11)
    await file.sync()
    await file.write([], 0)
    equal((await files.read(`${root}/a`, 100)).toString(), 'hello world!?')
    await file.writeSynced([Buffer.from('H')], 0)
    await file.close()
    const reader = await files.open(`${root}/a`)
    const into = Buffer.alloc(5, '.')
    equal(await reader.read(into, 0), 5)
    equal(into.toString(), 'Hello')
    equal(await reader.read(into, 11), 2)
    equal(into.toString(), '!?llo')
    equal(await reader.read(into, 13), 0)
    equal(await reader.read(into, 1_000), 0)
    equal(await reader.bytes(), 13)
    await reader.close()
  })

  it('a gap that nobody wrote is zeros', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await file.write([Buffer.from('x')], 3)
    deepEqual(await files.read(`${root}/a`, 10), Buffer.from('\0\0\0x'))
    await file.close()
  })

  it('many chunks are written as one', async ({ files, root }) => {
    const chunks = Array.from({ length: 3_000 }, (_, at) => Buffer.from(`${at},`))
    const file = await files.create(`${root}/a`)
    await file.writeSynced(chunks, 0)
    await file.close()
    deepEqual(await files.read(`${root}/a`, 1e6), Buffer.concat(chunks))
  })

  it('preallocated bytes are zeros, and can be cut off', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await file.writeSynced([Buffer.from('data')], 0)
    await file.preallocate(4, 3_000_000)
    equal((await files.stat(`${root}/a`))?.bytes, 3_000_000)
    await file.writeSynced([Buffer.from('more')], 4)
    await file.close()
    await files.truncate(`${root}/a`, 8)
    equal((await files.read(`${root}/a`, 8)).toString(), 'datamore')
    await rejects(files.truncate(`${root}/a`, 9), { code: 'EINVAL' })
  })

  it('a name can be created once', async ({ files, root, plantLink }) => {
    await (await files.create(`${root}/a`)).close()
    await rejects(files.create(`${root}/a`), { code: 'EEXIST' })
    plantLink?.(`${root}/link`)
    if (plantLink !== undefined) await rejects(files.create(`${root}/link`), { code: 'EEXIST' })
    await rejects(files.create(`${root}/none/a`), { code: 'ENOENT' })
  })

  it('links are not followed, where there are any', async ({ files, root, plantLink }) => {
    if (plantLink === undefined) return
    plantLink(`${root}/link`)
    await rejects(files.open(`${root}/link`), { code: 'ELOOP' })
    await rejects(files.read(`${root}/link`, 10), { code: 'ELOOP' })
    await rejects(files.truncate(`${root}/link`, 0), { code: 'ELOOP' })
    await rejects(files.makeFolder(`${root}/link`), { code: 'ENOTDIR' })
    await rejects(files.syncFolder(`${root}/link`), { code: 'ENOTDIR' })
    like(await files.stat(`${root}/link`), { kind: 'link' })
    await files.replace(`${root}/link`, 'mine')
    like(await files.stat(`${root}/link`), { kind: 'file', bytes: 4 })
  })

  it('read refuses a file above the bound, and folders', async ({ files, root }) => {
    await files.replace(`${root}/a`, '12345')
    equal((await files.read(`${root}/a`, 5)).toString(), '12345')
    await rejects(files.read(`${root}/a`, 4), { code: 'EFBIG' })
    await rejects(files.read(root, 4), { code: 'EISDIR' })
    await rejects(files.read(`${root}/none`, 4), { code: 'ENOENT' })
    await rejects(files.open(`${root}/none`), { code: 'ENOENT' })
  })

  it('replace leaves the new file and nothing else', async ({ files, root }) => {
    await files.replace(`${root}/a`, 'one')
    await files.replace(`${root}/a`, Buffer.from('twoo').subarray(0, 3))
    await Promise.all([files.replace(`${root}/b`, 'first'), files.replace(`${root}/b`, '')])
    equal((await files.read(`${root}/a`, 10)).toString(), 'two')
    deepEqual((await files.list(root)).map(entry => entry.name).toSorted(), ['a', 'b'])
    await rejects(files.replace(`${root}/none/a`, 'x'), { code: 'ENOENT' })
  })

  it('folders are made once, private, and listed', async ({ files, root }) => {
    equal(await files.makeFolder(`${root}/f`), true)
    equal(await files.makeFolder(`${root}/f`), false)
    await rejects(files.makeFolder(`${root}/g/h`), { code: 'ENOENT' })
    await files.replace(`${root}/f/a`, 'x')
    await files.syncFolder(`${root}/f`)
    deepEqual(await files.list(root), [{ name: 'f', kind: 'folder' }])
    deepEqual(await files.list(`${root}/f`), [{ name: 'a', kind: 'file' }])
    like(await files.stat(`${root}/f`), { kind: 'folder', mode: 0o700, uid: process.getuid?.() })
    like(await files.stat(`${root}/f/a`), { kind: 'file', mode: 0o600, bytes: 1, bytesUsed: 4096 })
    await rejects(files.list(`${root}/g`), { code: 'ENOENT' })
    await rejects(files.makeFolder(`${root}/f/a`), { code: 'ENOTDIR' })
  })

  it('what is not there is undefined for stat, and removed already', async ({ files, root }) => {
    equal(await files.stat(`${root}/none`), undefined)
    equal(await files.stat(`${root}/none/none`), undefined)
    await files.remove(`${root}/none`)
    await files.removeFolder(`${root}/none`)
  })

  it('a folder is removed only when it is empty', async ({ files, root }) => {
    await files.makeFolder(`${root}/f`)
    await files.replace(`${root}/f/a`, 'x')
    await rejects(files.removeFolder(`${root}/f`), { code: 'ENOTEMPTY' })
    await files.remove(`${root}/f/a`)
    await files.removeFolder(`${root}/f`)
    deepEqual(await files.list(root), [])
  })

  it('a linked file has two names and one content', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await files.link(`${root}/a`, `${root}/b`)
    await rejects(files.link(`${root}/a`, `${root}/b`), { code: 'EEXIST' })
    await rejects(files.link(`${root}/none`, `${root}/c`), { code: 'ENOENT' })
    await file.writeSynced([Buffer.from('x')], 0)
    await file.close()
    await files.remove(`${root}/a`)
    equal((await files.read(`${root}/b`, 1)).toString(), 'x')
  })

  it('rename takes the place of a file', async ({ files, root }) => {
    await files.replace(`${root}/a`, 'a')
    await files.replace(`${root}/b`, 'b')
    await files.rename(`${root}/a`, `${root}/b`)
    deepEqual(await files.list(root), [{ name: 'b', kind: 'file' }])
    equal((await files.read(`${root}/b`, 1)).toString(), 'a')
    await rejects(files.rename(`${root}/a`, `${root}/b`), { code: 'ENOENT' })
  })

  it('an open file is read and written after its name is gone', async ({ files, root }) => {
    const writer = await files.create(`${root}/a`)
    await writer.write([Buffer.from('x')], 0)
    const reader = await files.open(`${root}/a`)
    await files.remove(`${root}/a`)
    await writer.write([Buffer.from('y')], 1)
    const into = Buffer.alloc(2)
    equal(await reader.read(into, 0), 2)
    equal(into.toString(), 'xy')
    await writer.close()
    await reader.close()
  })

  it('there is space', async ({ files, root }) => {
    const { free, total } = await files.space(root)
    ok(free > 0)
    ok(total >= free)
    await rejects(files.space(`${root}/none`), { code: 'ENOENT' })
  })
  return cases
}
