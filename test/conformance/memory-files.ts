import { dirname } from 'node:path'
import type { AppendFile, FileStat, Files, FolderEntry, ReadFile } from '../../src/conformance/index.ts'

interface Memory {
  room: Buffer
  length: number
}

const nothing = async () => undefined

/** A storage that a stranger might write: everything in memory, for as long as the object lives. No links but hard ones. */
export class MemoryFiles implements Files {
  readonly #all = new Map<string, Memory | 'folder'>([['/', 'folder']])
  /** What does not fit is refused, as by a disk that is full. */
  capacityBytes = Number.POSITIVE_INFINITY

  get bytesUsed(): number {
    return [...this.#all.values()].reduce((sum, file) => sum + (file === 'folder' ? 0 : file.length), 0)
  }
  async open(path: string): Promise<ReadFile> {
    const file = this.#file(path)
    const read = async (into: Uint8Array, at: number) => bytes(file).copy(into, 0, Math.min(at, file.length))
    return { read, bytes: async () => file.length, close: nothing }
  }
  create = async (path: string): Promise<AppendFile> =>
    this.#append(this.#add(path, { room: Buffer.alloc(0), length: 0 }))
  reopen = async (path: string): Promise<AppendFile> => this.#append(this.#file(path))
  async truncate(path: string, length: number): Promise<void> {
    const file = this.#file(path)
    file.length = length > file.length ? fail('EINVAL', path) : length
  }
  async read(path: string, bytesMax: number): Promise<Buffer> {
    const file = this.#file(path)
    return file.length > bytesMax ? fail('EFBIG', path) : Buffer.from(bytes(file))
  }
  async replace(path: string, data: string | Uint8Array): Promise<void> {
    const file = { room: Buffer.alloc(0), length: 0 }
    await this.#append(file).writeSynced([Buffer.from(data as string)], 0)
    this.#all.delete(path)
    this.#add(path, file)
  }
  async makeFolder(path: string): Promise<boolean> {
    const there = this.#all.get(path) ?? this.#add(path, undefined)
    return there === undefined || (there !== 'folder' && fail('ENOTDIR', path))
  }
  async syncFolder(path: string): Promise<void> {
    if (this.#all.get(path) !== 'folder') fail('ENOENT', path)
  }
  async list(path: string): Promise<FolderEntry[]> {
    await this.syncFolder(path)
    const inside = [...this.#all].filter(([name]) => name !== '/' && dirname(name) === path)
    return inside.map(([name, file]) => ({ name: name.slice(name.lastIndexOf('/') + 1), kind: kindOf(file) }))
  }
  async stat(path: string): Promise<FileStat | undefined> {
    const file = this.#all.get(path)
    if (file === undefined) return undefined
    const [length, mode] = file === 'folder' ? [0, 0o700] : [file.length, 0o600]
    const bytesUsed = Math.ceil(length / 4_096) * 4_096
    return { kind: kindOf(file), bytes: length, bytesUsed, mode, uid: process.getuid?.() ?? 0 }
  }
  link = async (from: string, to: string): Promise<void> => void this.#add(to, this.#file(from))
  async rename(from: string, to: string): Promise<void> {
    this.#all.set(to, this.#file(from))
    this.#all.delete(from)
  }
  remove = async (path: string): Promise<void> => void this.#all.delete(path)
  async removeFolder(path: string): Promise<void> {
    if (this.#all.has(path) && (await this.list(path)).length > 0) fail('ENOTEMPTY', path)
    this.#all.delete(path)
  }
  async space(path: string) {
    return this.#all.has(path) ? { free: 2 ** 40, total: 2 ** 40, kind: undefined } : fail('ENOENT', path)
  }

  #file(path: string): Memory {
    const file = this.#all.get(path) ?? fail('ENOENT', path)
    return file === 'folder' ? fail('EISDIR', path) : file
  }
  #add<File extends Memory | undefined>(path: string, file: File): File {
    if (this.#all.get(dirname(path)) !== 'folder') fail('ENOENT', path)
    if (this.#all.has(path)) fail('EEXIST', path)
    this.#all.set(path, file ?? 'folder')
    return file
  }
  /** The new bytes are zeros, and where there are many small writes not all is copied each time. */
  #grow(file: Memory, length: number): void {
    if (length <= file.length) return
    if (this.bytesUsed + length - file.length > this.capacityBytes) fail('ENOSPC', 'the memory is full')
    if (length > file.room.length) file.room = Buffer.concat([bytes(file)], length * 2)
    else file.room.fill(0, file.length, length)
    file.length = length
  }
  #append(file: Memory): AppendFile {
    const write = async (chunks: Uint8Array[], position: number) => {
      const written = Buffer.concat(chunks)
      this.#grow(file, position + written.length)
      written.copy(file.room, position)
    }
    const preallocate = async (_: number, to: number) => this.#grow(file, to)
    return { write, writeSynced: write, sync: nothing, preallocate, close: nothing }
  }
}

const bytes = (file: Memory) => file.room.subarray(0, file.length)
const kindOf = (file: Memory | 'folder') => (file === 'folder' ? file : 'file') satisfies FolderEntry['kind']
function fail(code: string, path: string): never {
  throw Object.assign(new Error(`${code}: ${path}`), { code })
}
