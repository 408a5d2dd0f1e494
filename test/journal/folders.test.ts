import { expect, test } from 'vitest'
import { Folders } from '../../src/journal/folders.ts'
import { SimFiles } from '../../src/system/sim/index.ts'

async function root() {
  const disk = new SimFiles()
  await disk.makeFolder('/s')
  await disk.syncFolder('/')
  return disk
}

test('a folder and all above it survive a power cut', async () => {
  const disk = await root()
  await new Folders(disk, '/s').ensure('/s/a/b/c')
  disk.crash({ names: 'lose' })
  expect((await disk.stat('/s/a/b/c'))?.kind).toBe('folder')
})

test('a folder that another process made and did not sync is made durable too', async () => {
  const disk = await root()
  await disk.makeFolder('/s/a')
  await disk.makeFolder('/s/a/b')
  await new Folders(disk, '/s').ensure('/s/a/b')
  disk.crash({ names: 'lose' })
  expect((await disk.stat('/s/a/b'))?.kind).toBe('folder')
})

test('a folder whose making failed is tried again by the next who asks', async () => {
  const disk = await root()
  const folders = new Folders(disk, '/s')
  disk.failNext({ call: 'syncFolder', code: 'EIO' })
  await expect(folders.ensure('/s/a')).rejects.toMatchObject({ code: 'DISK_ERROR' })
  await folders.ensure('/s/a')
  disk.crash({ names: 'lose' })
  expect((await disk.stat('/s/a'))?.kind).toBe('folder')
})

test('a folder outside the root is refused', async () => {
  await expect(new Folders(await root(), '/s').ensure('/etc/x')).rejects.toThrow('/etc/x is not below /s')
})
