import { expect, test } from 'vitest'
import type { Files } from '../../src/system/files.ts'

/** A place where a kind of `Files` can be tried, and what the suite needs besides. */
export interface FilesPlace {
  files: Files
  /** An empty folder. */
  root: string
  /** Puts a symbolic link at `path`; it leads to `root`/target where links can lead anywhere. */
  plantLink: (path: string) => void
}

/** What every implementation of `Files` must do; simulated ones are only worth something if they pass what the real one passes. */
export function testFiles(name: string, open: () => Promise<FilesPlace>): void {
  const it = (title: string, run: (place: FilesPlace) => Promise<void>) =>
    test(`${name}: ${title}`, async () => run(await open()))

  it('what is written at a position is read back from there', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await file.writeSynced([Buffer.from('hello ')], 0)
    await file.write([Buffer.from('wo'), Buffer.from(''), Buffer.from('rld')], 6)
    await file.writeSynced([Buffer.from('!'), Buffer.from('?')], 11)
    await file.sync()
    await file.write([], 0)
    expect((await files.read(`${root}/a`, 100)).toString()).toBe('hello world!?')
    await file.writeSynced([Buffer.from('H')], 0)
    await file.close()
    const reader = await files.open(`${root}/a`)
    const into = Buffer.alloc(5, '.')
    expect(await reader.read(into, 0)).toBe(5)
    expect(into.toString()).toBe('Hello')
    expect(await reader.read(into, 11)).toBe(2)
    expect(into.toString()).toBe('!?llo')
    expect(await reader.read(into, 13)).toBe(0)
    expect(await reader.read(into, 1_000)).toBe(0)
    expect(await reader.bytes()).toBe(13)
    await reader.close()
  })

  it('a gap that nobody wrote is zeros', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await file.write([Buffer.from('x')], 3)
    expect(await files.read(`${root}/a`, 10)).toEqual(Buffer.from('\0\0\0x'))
    await file.close()
  })

  it('many chunks are written as one', async ({ files, root }) => {
    const chunks = Array.from({ length: 3_000 }, (_, at) => Buffer.from(`${at},`))
    const file = await files.create(`${root}/a`)
    await file.writeSynced(chunks, 0)
    await file.close()
    expect(await files.read(`${root}/a`, 1e6)).toEqual(Buffer.concat(chunks))
  })

  it('preallocated bytes are zeros, and can be cut off', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await file.writeSynced([Buffer.from('data')], 0)
    await file.preallocate(4, 3_000_000)
    expect((await files.stat(`${root}/a`))?.bytes).toBe(3_000_000)
    await file.writeSynced([Buffer.from('more')], 4)
    await file.close()
    await files.truncate(`${root}/a`, 8)
    expect((await files.read(`${root}/a`, 8)).toString()).toBe('datamore')
    await expect(files.truncate(`${root}/a`, 9)).rejects.toMatchObject({ code: 'EINVAL' })
  })

  it('a name can be created once', async ({ files, root, plantLink }) => {
    await (await files.create(`${root}/a`)).close()
    await expect(files.create(`${root}/a`)).rejects.toMatchObject({ code: 'EEXIST' })
    plantLink(`${root}/link`)
    await expect(files.create(`${root}/link`)).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(files.create(`${root}/none/a`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('links are not followed', async ({ files, root, plantLink }) => {
    plantLink(`${root}/link`)
    await expect(files.open(`${root}/link`)).rejects.toMatchObject({ code: 'ELOOP' })
    await expect(files.read(`${root}/link`, 10)).rejects.toMatchObject({ code: 'ELOOP' })
    await expect(files.truncate(`${root}/link`, 0)).rejects.toMatchObject({ code: 'ELOOP' })
    await expect(files.makeFolder(`${root}/link`)).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(files.syncFolder(`${root}/link`)).rejects.toMatchObject({ code: 'ENOTDIR' })
    expect(await files.stat(`${root}/link`)).toMatchObject({ kind: 'link' })
    await files.replace(`${root}/link`, 'mine')
    expect(await files.stat(`${root}/link`)).toMatchObject({ kind: 'file', bytes: 4 })
  })

  it('read refuses a file above the bound, and folders', async ({ files, root }) => {
    await files.replace(`${root}/a`, '12345')
    expect((await files.read(`${root}/a`, 5)).toString()).toBe('12345')
    await expect(files.read(`${root}/a`, 4)).rejects.toMatchObject({ code: 'EFBIG' })
    await expect(files.read(root, 4)).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(files.read(`${root}/none`, 4)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(files.open(`${root}/none`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('replace leaves the new file and nothing else', async ({ files, root }) => {
    await files.replace(`${root}/a`, 'one')
    await files.replace(`${root}/a`, Buffer.from('twoo').subarray(0, 3))
    await Promise.all([files.replace(`${root}/b`, 'first'), files.replace(`${root}/b`, '')])
    expect((await files.read(`${root}/a`, 10)).toString()).toBe('two')
    expect((await files.list(root)).map(entry => entry.name).toSorted()).toEqual(['a', 'b'])
    await expect(files.replace(`${root}/none/a`, 'x')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('folders are made once, private, and listed', async ({ files, root }) => {
    expect(await files.makeFolder(`${root}/f`)).toBe(true)
    expect(await files.makeFolder(`${root}/f`)).toBe(false)
    await expect(files.makeFolder(`${root}/g/h`)).rejects.toMatchObject({ code: 'ENOENT' })
    await files.replace(`${root}/f/a`, 'x')
    await files.syncFolder(`${root}/f`)
    expect(await files.list(root)).toEqual([{ name: 'f', kind: 'folder' }])
    expect(await files.list(`${root}/f`)).toEqual([{ name: 'a', kind: 'file' }])
    expect(await files.stat(`${root}/f`)).toMatchObject({ kind: 'folder', mode: 0o700, uid: process.getuid?.() })
    expect(await files.stat(`${root}/f/a`)).toMatchObject({ kind: 'file', mode: 0o600, bytes: 1, bytesUsed: 4096 })
    await expect(files.list(`${root}/g`)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(files.makeFolder(`${root}/f/a`)).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  it('what is not there is undefined for stat, and removed already', async ({ files, root }) => {
    expect(await files.stat(`${root}/none`)).toBeUndefined()
    expect(await files.stat(`${root}/none/none`)).toBeUndefined()
    await files.remove(`${root}/none`)
    await files.removeFolder(`${root}/none`)
  })

  it('a folder is removed only when it is empty', async ({ files, root }) => {
    await files.makeFolder(`${root}/f`)
    await files.replace(`${root}/f/a`, 'x')
    await expect(files.removeFolder(`${root}/f`)).rejects.toMatchObject({ code: 'ENOTEMPTY' })
    await files.remove(`${root}/f/a`)
    await files.removeFolder(`${root}/f`)
    expect(await files.list(root)).toEqual([])
  })

  it('a linked file has two names and one content', async ({ files, root }) => {
    const file = await files.create(`${root}/a`)
    await files.link(`${root}/a`, `${root}/b`)
    await expect(files.link(`${root}/a`, `${root}/b`)).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(files.link(`${root}/none`, `${root}/c`)).rejects.toMatchObject({ code: 'ENOENT' })
    await file.writeSynced([Buffer.from('x')], 0)
    await file.close()
    await files.remove(`${root}/a`)
    expect((await files.read(`${root}/b`, 1)).toString()).toBe('x')
  })

  it('rename takes the place of a file', async ({ files, root }) => {
    await files.replace(`${root}/a`, 'a')
    await files.replace(`${root}/b`, 'b')
    await files.rename(`${root}/a`, `${root}/b`)
    expect(await files.list(root)).toEqual([{ name: 'b', kind: 'file' }])
    expect((await files.read(`${root}/b`, 1)).toString()).toBe('a')
    await expect(files.rename(`${root}/a`, `${root}/b`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('an open file is read and written after its name is gone', async ({ files, root }) => {
    const writer = await files.create(`${root}/a`)
    await writer.write([Buffer.from('x')], 0)
    const reader = await files.open(`${root}/a`)
    await files.remove(`${root}/a`)
    await writer.write([Buffer.from('y')], 1)
    const into = Buffer.alloc(2)
    expect(await reader.read(into, 0)).toBe(2)
    expect(into.toString()).toBe('xy')
    await writer.close()
    await reader.close()
  })

  it('there is space', async ({ files, root }) => {
    const { free, total } = await files.space(root)
    expect(free).toBeGreaterThan(0)
    expect(total).toBeGreaterThanOrEqual(free)
    await expect(files.space(`${root}/none`)).rejects.toMatchObject({ code: 'ENOENT' })
  })
}
