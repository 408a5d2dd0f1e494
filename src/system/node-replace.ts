import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { dirname } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { call, done, systemError } from './node-calls.ts'

/** The last replacement of each path that is still running: a later call must win. */
const running = new Map<string, Promise<void>>()

/**
 * Puts `data` in place of a file, all or nothing, durable with its name. The only door to write-file-atomic.
 *
 * The package syncs the file and renames it, but does not look at how much was written (a full disk cuts it without an
 * error), follows a link in the last place, and never syncs the folder. So it writes a new name beside the file; that is
 * checked, renamed over the file, and the folder synced. Everything happens inside the folder of `path`.
 */
export async function nodeReplace(path: string, data: string | Uint8Array): Promise<void> {
  const earlier = running.get(path)
  const mine = (async () => {
    await earlier?.catch(() => undefined)
    await replaceNow(path, data)
  })()
  running.set(path, mine)
  try {
    await mine
  } finally {
    if (running.get(path) === mine) running.delete(path)
  }
}

async function replaceNow(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length)
  const next = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    await writeFileAtomic(next, bytes, { mode: 0o600 })
    const { size } = await call<fs.Stats>(back => fs.lstat(next, back))
    if (size !== bytes.length) throw systemError('ENOSPC', `${path}: wrote ${size} of ${bytes.length} bytes`)
    await done(back => fs.rename(next, path, back))
  } catch (error) {
    await done(back => fs.unlink(next, back)).catch(() => undefined)
    throw error
  }
  const fd = await call<number>(back => fs.open(dirname(path), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY, back))
  try {
    await done(back => fs.fsync(fd, back))
  } finally {
    await done(back => fs.close(fd, back))
  }
}
