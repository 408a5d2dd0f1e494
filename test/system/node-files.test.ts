import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { storageCases } from '../../src/conformance/index.ts'
import { nodeFiles } from '../../src/system/node-files.ts'
import { fileSystemKind } from '../../src/system/node-kinds.ts'

const made: string[] = []

function freshFolder(under = tmpdir()): string {
  const folder = mkdtempSync(join(under, 'dropr-files-'))
  made.push(folder)
  return folder
}

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true })
})

/** The published suite, a test a case. */
for (const { title, run } of storageCases(() => ({
  files: nodeFiles(),
  root: freshFolder(),
  plantLink: path => symlinkSync('target', path)
})))
  test(`B8: node: ${title}`, run)

test('modes are exact whatever the umask', async () => {
  const root = freshFolder()
  const files = nodeFiles()
  const before = process.umask(0o777)
  try {
    await files.makeFolder(`${root}/f`)
    const file = await files.create(`${root}/f/a`)
    await file.write([Buffer.from('x')], 0)
    await file.close()
    await files.replace(`${root}/f/b`, 'x')
  } finally {
    process.umask(before)
  }
  expect(statSync(`${root}/f`).mode & 0o777).toBe(0o700)
  expect(statSync(`${root}/f/a`).mode & 0o777).toBe(0o600)
  expect(statSync(`${root}/f/b`).mode & 0o777).toBe(0o600)
})

test('a pipe in the spool does not hold a thread', async () => {
  const root = freshFolder()
  execFileSync('mkfifo', [`${root}/pipe`])
  const reader = await nodeFiles().open(`${root}/pipe`)
  await expect(reader.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'ESPIPE' })
  await reader.close()
})

test('a plain write goes to the file that was made, or nowhere', async () => {
  const root = freshFolder()
  const files = nodeFiles()
  const file = await files.create(`${root}/a`)
  await files.replace(`${root}/a`, 'somebody else')
  if (process.platform !== 'linux') return
  await expect(file.write([Buffer.from('x')], 0)).rejects.toMatchObject({ code: 'ESTALE' })
  await expect(file.writeSynced([Buffer.from('x')], 0)).rejects.toMatchObject({ code: 'EIO' })
  await file.close()
  expect(readFileSync(`${root}/a`, 'utf8')).toBe('somebody else')
})

test('a handle that failed once refuses everything but close', async () => {
  const root = freshFolder()
  const file = await nodeFiles().create(`${root}/a`)
  await expect(file.writeSynced([Buffer.from('x')], Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: 'EFBIG' })
  for (const again of [
    () => file.writeSynced([Buffer.from('x')], 0),
    () => file.write([Buffer.from('x')], 0),
    () => file.sync(),
    () => file.preallocate(0, 10)
  ]) {
    await expect(again()).rejects.toMatchObject({ code: 'EIO', cause: { code: 'EFBIG' } })
  }
  await file.close()
  expect(statSync(`${root}/a`).size).toBe(0)
})

test('well-known file systems have names', async () => {
  expect(fileSystemKind(0xef53)).toBe(process.platform === 'linux' ? 'ext4' : undefined)
  if (process.platform !== 'linux') return
  expect(fileSystemKind(0x9123683e | 0)).toBe('btrfs')
  expect(fileSystemKind(1)).toBeUndefined()
  expect((await nodeFiles().space('/dev/shm')).kind).toBe('tmpfs')
})
