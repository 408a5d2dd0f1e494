import { SimContent, type SimFate } from './sim-content.ts'
import { simError } from './sim-error.ts'
import { SimFolder } from './sim-folder.ts'
import type { SimRandom } from './sim-random.ts'

export class SimFile {
  readonly kind = 'file'
  readonly mode = 0o600
  content = new SimContent()
}

/** A socket is a name on the disk; who listens behind it is not. */
export class SimSocket {
  readonly kind = 'socket'
  readonly mode = 0o600
  listener: object | undefined
}

/** A link that leads nowhere: dropr follows none. */
export class SimLink {
  readonly kind = 'link'
  readonly mode = 0o777
}

export type SimInode = SimFile | SimFolder | SimSocket | SimLink

/** The tree of a simulated disk: names, what they stand for, and what of it is durable. No time passes here. */
export class SimDisk {
  #root = new SimFolder()
  /** Undefined when it must be counted again. */
  #bytesUsed: number | undefined = 0
  readonly #watchers = new Set<(path: string) => void>()

  /** Bytes of all files that have a name. */
  get bytesUsed(): number {
    this.#bytesUsed ??= countBytes(this.#root)
    return this.#bytesUsed
  }

  /** What a path stands for. ENOTDIR when it leads through something that is no folder. */
  find(path: string): SimInode | undefined {
    if (!path.startsWith('/')) throw simError('EINVAL', `not an absolute path, '${path}'`)
    let node: SimInode | undefined = this.#root
    for (let at = 1, end: number; at < path.length; at = end + 1) {
      end = path.indexOf('/', at)
      if (end === -1) end = path.length
      const name = path.slice(at, end)
      if (name === '' || name === '.') continue
      if (node?.kind !== 'folder') throw simError('ENOTDIR', `not a folder on the way to '${path}'`)
      node = node.names.get(name)
      if (!node) return undefined
    }
    return node
  }

  /** @throws ENOENT */
  get(path: string): SimInode {
    const node = this.find(path)
    if (!node) throw simError('ENOENT', `no such file or directory, '${path}'`)
    return node
  }

  /** @throws ENOENT, ENOTDIR */
  folder(path: string): SimFolder {
    const node = this.get(path)
    if (node.kind !== 'folder') throw simError('ENOTDIR', `not a directory, '${path}'`)
    return node
  }

  /** @throws ENOENT, ELOOP, EISDIR, ENXIO (a socket) */
  file(path: string): SimFile {
    const node = this.get(path)
    if (node.kind === 'file') return node
    const code = { folder: 'EISDIR', link: 'ELOOP', socket: 'ENXIO' }[node.kind]
    throw simError(code, `not a file, '${path}'`)
  }

  /** A new name. EEXIST when it is taken. */
  add(path: string, node: SimInode): void {
    const { folder, name } = this.#place(path)
    if (folder.names.has(name)) throw simError('EEXIST', `file already exists, '${path}'`)
    folder.change({ name, node })
    this.changed(path)
  }

  /** False when there was nothing. */
  remove(path: string, kind: 'folder' | 'file'): boolean {
    const node = this.find(path)
    if (!node) return false
    if (kind === 'file' && node.kind === 'folder') throw simError('EISDIR', `a folder, '${path}'`)
    if (kind === 'folder' && this.folder(path).names.size > 0) throw simError('ENOTEMPTY', `not empty, '${path}'`)
    const { folder, name } = this.#place(path)
    folder.change({ name, node: undefined })
    this.#bytesUsed = undefined
    this.changed(path)
    return true
  }

  rename(from: string, to: string): void {
    const node = this.get(from)
    const there = this.find(to)
    if (there === node) return
    if (there?.kind === 'folder' && node.kind !== 'folder') throw simError('EISDIR', `a folder, '${to}'`)
    if (there && there.kind !== 'folder' && node.kind === 'folder') throw simError('ENOTDIR', `no folder, '${to}'`)
    if (there?.kind === 'folder' && there.names.size > 0) throw simError('ENOTEMPTY', `not empty, '${to}'`)
    const source = this.#place(from)
    const target = this.#place(to)
    const gone = { name: source.name, node: undefined }
    if (source.folder === target.folder) source.folder.change(gone, { name: target.name, node })
    else {
      // Two folders, two syncs: after a power cut the file may have both names, or none.
      source.folder.change(gone)
      target.folder.change({ name: target.name, node })
    }
    this.#bytesUsed = undefined
    this.changed(from)
    this.changed(to)
  }

  /** Adds what a file grew to the bytes used. */
  grew(bytes: number): void {
    if (this.#bytesUsed !== undefined) this.#bytesUsed += bytes
  }

  crash(random: SimRandom, fate: { data: SimFate; names: SimFate }): void {
    const seen = new Set<SimInode>()
    const visit = (node: SimInode) => {
      if (seen.has(node)) return
      seen.add(node)
      if (node.kind === 'file') node.content.crash(random, fate.data)
      if (node.kind === 'socket') node.listener = undefined
      if (node.kind !== 'folder') return
      node.crash(random, fate.names)
      for (const below of node.names.values()) visit(below)
    }
    visit(this.#root)
    this.#bytesUsed = undefined
  }

  clone(): SimDisk {
    const copies = new Map<SimInode, SimInode>()
    const copyOf = (node: SimInode): SimInode => {
      const copy = copies.get(node) ?? copyNode(node, copyOf)
      copies.set(node, copy)
      return copy
    }
    const disk = new SimDisk()
    disk.#root = this.#root.clone(copyOf)
    disk.#bytesUsed = undefined
    return disk
  }

  /** Becomes what `other` is; `other` must not be used any more. */
  become(other: SimDisk): void {
    this.#root = other.#root
    this.#bytesUsed = undefined
  }

  watch(watcher: (path: string) => void): () => void {
    this.#watchers.add(watcher)
    return () => {
      this.#watchers.delete(watcher)
    }
  }

  changed(path: string): void {
    for (const watcher of this.#watchers) watcher(path)
  }

  #place(path: string): { folder: SimFolder; name: string } {
    const names = parts(path)
    const name = names.pop()
    if (name === undefined) throw simError('EBUSY', 'the root')
    return { folder: this.folder(`/${names.join('/')}`), name }
  }
}

function countBytes(root: SimFolder): number {
  const files = new Set<SimFile>()
  const visit = (node: SimInode) => {
    if (node.kind === 'file') files.add(node)
    if (node.kind === 'folder') for (const below of node.names.values()) visit(below)
  }
  visit(root)
  let bytes = 0
  for (const { content } of files) bytes += content.bytes
  return bytes
}

function copyNode(node: SimInode, copyOf: (node: SimInode) => SimInode): SimInode {
  if (node.kind === 'folder') return node.clone(copyOf)
  if (node.kind === 'file') {
    const copy = new SimFile()
    copy.content = node.content.clone()
    return copy
  }
  return node.kind === 'socket' ? new SimSocket() : new SimLink()
}

function parts(path: string): string[] {
  if (!path.startsWith('/')) throw simError('EINVAL', `not an absolute path, '${path}'`)
  return path.split('/').filter(name => name !== '' && name !== '.')
}
