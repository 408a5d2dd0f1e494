import type { AppendFile, FileStat, Files, FolderEntry, ReadFile } from '../files.ts'
import { SimAppendFile } from './sim-append-file.ts'
import { failIf, type SimStep } from './sim-calls.ts'
import { SimFile, type SimInode } from './sim-disk.ts'
import { simError } from './sim-error.ts'
import type { SimCall } from './sim-faults.ts'
import type { SimFiles } from './sim-files.ts'
import { SimFolder } from './sim-folder.ts'
import type { SimGate } from './sim-gate.ts'

const BLOCK_BYTES = 4096

/** The size that `space` gives a disk without a limit. */
const TOTAL_BYTES = 2 ** 40

/** The simulated disk, as one process sees it. */
export class SimFilesView implements Files {
  readonly #host: SimFiles
  readonly #gate: SimGate
  #handles = 0

  constructor(host: SimFiles, gate: SimGate) {
    this.#host = host
    this.#gate = gate
  }

  async open(path: string): Promise<ReadFile> {
    const { content } = await this.#read('open', path, () => {
      this.#takeHandle(path)
      return this.#host.disk.file(path)
    })
    return {
      read: (into, position) =>
        this.#read('pread', path, () => content.seen().copy(into, 0, Math.min(position, content.bytes))),
      bytes: () => this.#read('bytes', path, () => content.bytes),
      close: () => this.close(path)
    }
  }

  async create(path: string): Promise<AppendFile> {
    const file = new SimFile()
    await this.#change('create', path, () => {
      this.#takeHandle(path)
      this.#host.disk.add(path, file)
    })
    return new SimAppendFile({ host: this.#host, view: this, file, path })
  }

  async reopen(path: string): Promise<AppendFile> {
    const file = await this.#change('open', path, () => {
      const found = this.#host.disk.file(path)
      this.#takeHandle(path)
      return found
    })
    return new SimAppendFile({ host: this.#host, view: this, file, path })
  }

  async close(path: string): Promise<void> {
    this.#handles--
    await this.#read('close', path, () => undefined)
  }

  truncate(path: string, bytes: number): Promise<void> {
    return this.#change('truncate', path, () => {
      const { content } = this.#host.disk.file(path)
      if (bytes > content.bytes) throw simError('EINVAL', `'${path}' has ${content.bytes} bytes`)
      this.#host.disk.grew(bytes - content.bytes)
      content.cut(bytes)
      this.#host.disk.changed(path)
    })
  }

  read(path: string, bytesMax: number): Promise<Buffer> {
    return this.#read('read', path, () => {
      const { content } = this.#host.disk.file(path)
      if (content.bytes > bytesMax) throw simError('EFBIG', `'${path}' is above ${bytesMax} bytes`)
      return Buffer.from(content.seen())
    })
  }

  async replace(path: string, data: string | Uint8Array): Promise<void> {
    const { disk } = this.#host
    const bytes = Buffer.from(data)
    const next = `${path}.${this.#host.random.bytes(6).toString('hex')}.new`
    const file = new SimFile()
    try {
      await this.#change('replace', path, () => disk.add(next, file))
      const writer = new SimAppendFile({ host: this.#host, view: this, file, path: next, call: 'replace' })
      await writer.writeSynced([bytes], 0)
      await this.#change('replace', path, () => disk.rename(next, path))
    } catch (error) {
      await this.#change('remove', next, () => disk.remove(next, 'file')).catch(() => undefined)
      throw error
    }
    await this.#sync('replace', path.slice(0, path.lastIndexOf('/')) || '/')
  }

  makeFolder(path: string): Promise<boolean> {
    return this.#change('makeFolder', path, () => {
      const there = this.#host.disk.find(path)
      if (there?.kind === 'folder') return false
      if (there) throw simError('ENOTDIR', `'${path}' is there and is no folder`)
      this.#host.disk.add(path, new SimFolder())
      return true
    })
  }

  syncFolder(path: string): Promise<void> {
    return this.#sync('syncFolder', path)
  }

  list(path: string): Promise<FolderEntry[]> {
    return this.#read('list', path, () => {
      const folder = this.#host.disk.folder(path)
      return folder.list().map((name): FolderEntry => ({ name, kind: folder.names.get(name)!.kind }))
    })
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#read('stat', path, () => {
      const node = this.#host.disk.find(path)
      return node && statOf(node)
    })
  }

  link(from: string, to: string): Promise<void> {
    return this.#change('link', to, () => {
      const node = this.#host.disk.get(from)
      if (node.kind === 'folder') throw simError('EPERM', `a folder, '${from}'`)
      this.#host.disk.add(to, node)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change('rename', from, () => this.#host.disk.rename(from, to))
  }

  async remove(path: string): Promise<void> {
    await this.#change('remove', path, () => this.#host.disk.remove(path, 'file'))
  }

  async removeFolder(path: string): Promise<void> {
    await this.#change('removeFolder', path, () => this.#host.disk.remove(path, 'folder'))
  }

  space(path: string): Promise<{ free: number; total: number; kind: string | undefined }> {
    return this.#read('space', path, () => {
      const { capacityBytes, disk, kind } = this.#host
      disk.get(path)
      const total = Math.min(capacityBytes, TOTAL_BYTES)
      return { free: Math.max(0, total - disk.bytesUsed), total, kind }
    })
  }

  /** A step of a handle of this process. */
  run<T>(step: SimStep<T>): Promise<T> {
    return this.#host.calls.run(step, this.#gate)
  }

  #read<T>(call: SimCall, path: string, apply: () => T): Promise<T> {
    return this.run({
      call,
      path,
      apply: fault => {
        failIf(fault, path)
        return apply()
      }
    })
  }

  #change<T>(call: SimCall, path: string, apply: () => T): Promise<T> {
    return this.#read(call, path, () => {
      if (this.#host.readOnly) throw simError('EROFS', `read-only file system, '${path}'`)
      return apply()
    })
  }

  #sync(call: SimCall, path: string): Promise<void> {
    let folder: SimFolder | undefined
    return this.run({
      call,
      path,
      apply: fault => {
        failIf(fault, path)
        folder = this.#host.disk.folder(path)
      },
      commit: () => folder?.sync()
    })
  }

  #takeHandle(path: string): void {
    if (this.#handles >= this.#host.handlesMax) throw simError('EMFILE', `too many open files, '${path}'`)
    this.#handles++
  }
}

function statOf(node: SimInode): FileStat {
  const { kind, mode } = node
  const bytes = node.kind === 'file' ? node.content.bytes : 0
  return { kind, bytes, bytesUsed: Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES, mode, uid: process.getuid?.() ?? 0 }
}
