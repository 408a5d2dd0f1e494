import fs from 'node:fs'
import type { FileStat, Files, FolderEntry, ReadFile } from './files.ts'
import { nodeAppendFile, nodeReopenFile } from './node-append.ts'
import { call, done, systemError } from './node-calls.ts'
import { fileSystemKind } from './node-kinds.ts'
import { nodeReplace } from './node-replace.ts'

const { O_RDONLY, O_WRONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants

/** Linux reads at most 2 GiB at once. */
const READ_BYTES_MAX = 0x40000000

/** A pipe that somebody left in the spool must not hold a thread until a writer comes: so never block in open. */
const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/**
 * The real disk.
 *
 * Callbacks wrapped by hand, not fs.promises: those cost about twice the time a call, and every message passes here.
 */
export function nodeFiles(): Files {
  return {
    open: nodeReadFile,
    create: nodeAppendFile,
    reopen: nodeReopenFile,
    truncate,
    read,
    replace: nodeReplace,
    makeFolder,
    syncFolder,
    list,
    stat,
    link: (from, to) => done(back => fs.link(from, to, back)),
    rename: (from, to) => done(back => fs.rename(from, to, back)),
    remove: path => done(back => fs.unlink(path, back)).catch(unlessGone),
    removeFolder: path => done(back => fs.rmdir(path, back)).catch(unlessGone),
    space
  }
}

async function nodeReadFile(path: string): Promise<ReadFile> {
  const fd = await call<number>(back => fs.open(path, READ_FLAGS, back))
  return {
    read: async (into, position, fresh) => (fresh ? readHere(fd, into, position) : readFully(fd, into, position)),
    bytes: async () => (await call<fs.Stats>(back => fs.fstat(fd, back))).size,
    close: () => done(back => fs.close(fd, back))
  }
}

/** A file on disk gives fewer bytes than asked only at its end: one more call to be told so is a thread-pool hop for nothing. */
async function readFully(fd: number, into: Uint8Array, position: number): Promise<number> {
  let bytes = 0
  while (bytes < into.length) {
    const from = bytes
    const asked = Math.min(into.length - from, READ_BYTES_MAX)
    const got = await call<number>(back => fs.read(fd, into, from, asked, position + from, back))
    bytes += got
    if (got < asked) break
  }
  return bytes
}

function readHere(fd: number, into: Uint8Array, position: number): number {
  let bytes = 0
  while (bytes < into.length) {
    const asked = into.length - bytes
    const got = fs.readSync(fd, into, bytes, asked, position + bytes)
    bytes += got
    if (got < asked) break
  }
  return bytes
}

async function read(path: string, bytesMax: number): Promise<Buffer> {
  const file = await nodeReadFile(path)
  try {
    const bytes = await file.bytes()
    // One byte more than allowed: a file that grows while it is read must not come back cut.
    const into = Buffer.allocUnsafe(Math.min(bytes, bytesMax) + 1)
    const got = await file.read(into, 0)
    if (bytes > bytesMax || got > bytesMax) throw systemError('EFBIG', `${path} is above ${bytesMax} bytes`)
    return into.subarray(0, got)
  } finally {
    await file.close()
  }
}

async function truncate(path: string, bytes: number): Promise<void> {
  const fd = await call<number>(back => fs.open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, back))
  try {
    const { size } = await call<fs.Stats>(back => fs.fstat(fd, back))
    if (bytes > size) throw systemError('EINVAL', `${path} has ${size} bytes, cannot be cut to ${bytes}`)
    await done(back => fs.ftruncate(fd, bytes, back))
    await done(back => fs.fsync(fd, back))
  } finally {
    await done(back => fs.close(fd, back))
  }
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await done(back => fs.mkdir(path, 0o700, back))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if ((await stat(path))?.kind === 'folder') return false
    throw systemError('ENOTDIR', `${path} is there and is no folder`, error)
  }
  const { mode } = await call<fs.Stats>(back => fs.lstat(path, back))
  if ((mode & 0o7777) !== 0o700) await done(back => fs.chmod(path, 0o700, back))
  return true
}

async function syncFolder(path: string): Promise<void> {
  const fd = await call<number>(back => fs.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, back))
  try {
    await done(back => fs.fsync(fd, back))
  } finally {
    await done(back => fs.close(fd, back))
  }
}

async function list(path: string): Promise<FolderEntry[]> {
  const entries = await call<fs.Dirent[]>(back => fs.readdir(path, { withFileTypes: true }, back))
  return entries.map(entry => ({ name: entry.name, kind: kindOf(entry) }))
}

async function stat(path: string): Promise<FileStat | undefined> {
  try {
    const found = await call<fs.Stats>(back => fs.lstat(path, back))
    const { size, blocks, mode, uid } = found
    return { kind: kindOf(found), bytes: size, bytesUsed: blocks * 512, mode: mode & 0o7777, uid }
  } catch (error) {
    return unlessGone(error)
  }
}

async function space(path: string): Promise<{ free: number; total: number; kind: string | undefined }> {
  const { bavail, blocks, bsize, type } = await call<fs.StatsFs>(back => fs.statfs(path, back))
  return { free: bavail * bsize, total: blocks * bsize, kind: fileSystemKind(type) }
}

function kindOf(entry: fs.Dirent | fs.Stats): FolderEntry['kind'] {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  if (entry.isSocket()) return 'socket'
  return entry.isSymbolicLink() ? 'link' : 'other'
}

function unlessGone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
