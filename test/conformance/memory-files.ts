import { dirname } from 'node:path'
import type { AppendFile, Files, FolderEntry, ReadFile } from '../../src/conformance/index.ts'

interface MemoryFile {
  bytes: Buffer
}

/** A storage that a stranger might write: everything in memory, for as long as the object lives. No links but hard ones. */
export class MemoryFiles implements Files {
  readonly #folders = new Set(['/'])
  readonly #files = new Map<string, MemoryFile>()
  /** What does not fit is refused, as by a disk that is full. */
  capacityBytes = Number.POSITIVE_INFINITY

  get bytesUsed(): number {
    let bytes = 0
    for (const file of this.#files.values()) bytes += file.bytes.length
    return bytes
  }

  async open(path: string): Promise<ReadFile> {
    const file = this.#file(path)
    return {
      read: async (into, position) => copied(file, into, position),
      bytes: async () => file.bytes.length,
      close: async () => undefined
    }
  }

  async create(path: string): Promise<AppendFile> {
    if (this.#kind(path) !== undefined) throw systemError('EEXIST', path)
    return this.#append(this.#put(path, Buffer.alloc(0)))
  }

  async reopen(path: string): Promise<AppendFile> {
    return this.#append(this.#file(path))
  }

  async truncate(path: string, bytes: number): Promise<void> {
    const file = this.#file(path)
    if (bytes > file.bytes.length) throw systemError('EINVAL', path)
    file.bytes = file.bytes.subarray(0, bytes)
  }

  async read(path: string, bytesMax: number): Promise<Buffer> {
    const { bytes } = this.#file(path)
    if (bytes.length > bytesMax) throw systemError('EFBIG', path)
    return Buffer.from(bytes)
  }

  async replace(path: string, data: string | Uint8Array): Promise<void> {
    this.#put(path, Buffer.from(data as string))
  }

  async makeFolder(path: string): Promise<boolean> {
    this.#checkParent(path)
    if (this.#files.has(path)) throw systemError('ENOTDIR', path)
    return this.#folders.size < this.#folders.add(path).size
  }

  async syncFolder(path: string): Promise<void> {
    if (!this.#folders.has(path)) throw systemError('ENOENT', path)
  }

  async list(path: string): Promise<FolderEntry[]> {
    await this.syncFolder(path)
    const within = (kind: FolderEntry['kind']) => (name: string) => ({ name: name.slice(prefix.length), kind })
    const prefix = path === '/' ? path : `${path}/`
    const inside = (name: string) => name !== '/' && dirname(name) === path
    return [
      ...[...this.#folders].filter(inside).map(within('folder')),
      ...[...this.#files.keys()].filter(inside).map(within('file'))
    ]
  }

  async stat(path: string) {
    const kind = this.#kind(path)
    if (kind === undefined) return undefined
    const bytes = this.#files.get(path)?.bytes.length ?? 0
    const mode = kind === 'folder' ? 0o700 : 0o600
    return { kind, bytes, bytesUsed: Math.ceil(bytes / 4_096) * 4_096, mode, uid: process.getuid?.() ?? 0 }
  }

  async link(from: string, to: string): Promise<void> {
    const file = this.#file(from)
    if (this.#kind(to) !== undefined) throw systemError('EEXIST', to)
    this.#files.set(to, file)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#files.set(to, this.#file(from))
    this.#files.delete(from)
  }

  async remove(path: string): Promise<void> {
    this.#files.delete(path)
  }

  async removeFolder(path: string): Promise<void> {
    if (!this.#folders.has(path)) return
    if ((await this.list(path)).length > 0) throw systemError('ENOTEMPTY', path)
    this.#folders.delete(path)
  }

  async space(path: string) {
    if (this.#kind(path) === undefined) throw systemError('ENOENT', path)
    return { free: 2 ** 40, total: 2 ** 40, kind: undefined }
  }

  #kind(path: string): 'file' | 'folder' | undefined {
    return this.#folders.has(path) ? 'folder' : this.#files.has(path) ? 'file' : undefined
  }

  #checkParent(path: string): void {
    if (!this.#folders.has(dirname(path))) throw systemError('ENOENT', path)
  }

  #file(path: string): MemoryFile {
    const file = this.#files.get(path)
    if (file === undefined) throw systemError(this.#folders.has(path) ? 'EISDIR' : 'ENOENT', path)
    return file
  }

  #put(path: string, bytes: Buffer): MemoryFile {
    this.#checkParent(path)
    if (bytes.length > 0 && this.capacityBytes < this.bytesUsed + bytes.length) throw systemError('ENOSPC', path)
    const file = { bytes }
    this.#files.set(path, file)
    return file
  }

  #append(file: MemoryFile): AppendFile {
    const write = async (chunks: Uint8Array[], position: number) => {
      const bytes = Buffer.concat(chunks)
      const end = Math.max(file.bytes.length, position + bytes.length)
      const grows = end - file.bytes.length
      if (grows > 0 && this.capacityBytes < this.bytesUsed + grows) throw systemError('ENOSPC', 'the memory is full')
      // Grown ahead, so that many small writes do not copy the whole each time.
      if (end > file.bytes.buffer.byteLength - file.bytes.byteOffset) {
        const grown = Buffer.alloc(end * 2)
        file.bytes.copy(grown)
        file.bytes = grown
      }
      file.bytes = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, end)
      bytes.copy(file.bytes, position)
    }
    const preallocate = async (from: number, to: number) => write([Buffer.alloc(to - from)], from)
    return { write, writeSynced: write, sync: async () => undefined, preallocate, close: async () => undefined }
  }
}

function copied(file: MemoryFile, into: Uint8Array, position: number): number {
  return file.bytes.copy(into, 0, Math.min(position, file.bytes.length))
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
