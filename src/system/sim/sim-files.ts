import type { AppendFile, FileStat, Files, FolderEntry, ReadFile } from '../files.ts'
import { SimCalls } from './sim-calls.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimFate } from './sim-content.ts'
import { SimDisk, SimFile, SimLink } from './sim-disk.ts'
import { type SimFault, type SimFaultRule, SimFaults } from './sim-faults.ts'
import { SimFilesView } from './sim-files-view.ts'
import { SimGate } from './sim-gate.ts'
import { SimRandom } from './sim-random.ts'

export interface SimFilesOptions {
  /** Needed for `latencyMs`. */
  clock?: SimClock
  random?: SimRandom
  /** Shortest and longest time of a call. Default [0, 0]: at the next microtask. */
  latencyMs?: readonly [number, number]
  capacityBytes?: number
  /** What `space` says of the file system. Default `ext4`. */
  kind?: string
}

/** What a disk held at a moment: for a copied spool, a restored backup, a cloned machine. */
export interface SimSnapshot {
  readonly disk: SimDisk
}

/**
 * A disk in memory that loses what a real one may lose, when told to.
 *
 * It is `Files` itself, for tests without processes; `forProcess` gives the disk as one process sees it. Everything it does
 * by chance comes from `random`, so a run can be repeated.
 */
export class SimFiles implements Files {
  readonly faults = new SimFaults()
  readonly disk = new SimDisk()
  readonly calls: SimCalls
  readonly random: SimRandom
  /** Writes beyond it are cut short (ENOSPC). */
  capacityBytes: number
  /** Everything that would change the disk fails with EROFS. */
  readOnly = false
  /** Files one process may have open; more fail with EMFILE. */
  handlesMax = Number.POSITIVE_INFINITY
  /** What `space` says of the file system. */
  kind: string | undefined
  #gate = new SimGate()
  #view: Files

  constructor(options: SimFilesOptions = {}) {
    const { clock, random = new SimRandom('files'), latencyMs = [0, 0] } = options
    this.random = random
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.kind = options.kind ?? 'ext4'
    this.calls = new SimCalls({ clock, random: random.fork('calls'), faults: this.faults })
    this.calls.latencyMs = latencyMs
    this.#view = this.forProcess(this.#gate)
  }

  /** The disk as one process has it: nothing ends there while it is stopped, or after it died. */
  forProcess(gate: SimGate): Files {
    return new SimFilesView(this, gate)
  }

  /**
   * The power goes and comes back: un-synced bytes and names are lost, kept or torn, each by itself. Calls on their way take
   * effect or not, and never end; nor do calls on handles from before.
   */
  crash(options: { random?: SimRandom; data?: SimFate; names?: 'random' | 'keep' | 'lose' } = {}): void {
    const { random = this.random, data = 'random', names = 'random' } = options
    this.calls.powerCut()
    this.#gate.kill()
    this.#gate = new SimGate()
    this.#view = this.forProcess(this.#gate)
    this.disk.crash(random, { data, names })
  }

  /** Makes calls fail that would have gone well. */
  failNext(fault: SimFault): SimFaultRule {
    return this.faults.add(fault)
  }

  /** Turns a bit of a file, on the medium. */
  flip(path: string, byte: number, bit: number): void {
    this.disk.file(path).content.flip(byte, bit)
  }

  snapshot(): SimSnapshot {
    return { disk: this.disk.clone() }
  }

  /** Puts the disk back to what it was. The processes on it should be dead. */
  restore(snapshot: SimSnapshot): void {
    this.disk.become(snapshot.disk.clone())
  }

  /** What the disk still takes. */
  freeBytes(): number {
    const { capacityBytes } = this
    // Counting costs a walk over all names: not for disks without a limit.
    return capacityBytes === Number.POSITIVE_INFINITY ? capacityBytes : Math.max(0, capacityBytes - this.disk.bytesUsed)
  }

  /** What a file holds now, without a call; undefined when there is none. */
  peek(path: string): Buffer | undefined {
    const node = this.disk.find(path)
    return node?.kind === 'file' ? Buffer.from(node.content.seen()) : undefined
  }

  /** Puts a file there, durable bytes under a durable name, without a call. Its folder must exist. */
  plant(path: string, data: string | Uint8Array): void {
    const file = new SimFile()
    file.content.write(0, Buffer.from(data))
    file.content.syncAll()
    this.disk.remove(path, 'file')
    this.disk.add(path, file)
    this.disk.folder(path.slice(0, path.lastIndexOf('/')) || '/').sync()
  }

  /** Puts a symbolic link there: something that must not be followed. */
  plantLink(path: string): void {
    this.disk.add(path, new SimLink())
  }

  open(path: string): Promise<ReadFile> {
    return this.#view.open(path)
  }
  create(path: string): Promise<AppendFile> {
    return this.#view.create(path)
  }
  reopen(path: string): Promise<AppendFile> {
    return this.#view.reopen(path)
  }
  truncate(path: string, bytes: number): Promise<void> {
    return this.#view.truncate(path, bytes)
  }
  read(path: string, bytesMax: number): Promise<Buffer> {
    return this.#view.read(path, bytesMax)
  }
  replace(path: string, data: string | Uint8Array): Promise<void> {
    return this.#view.replace(path, data)
  }
  makeFolder(path: string): Promise<boolean> {
    return this.#view.makeFolder(path)
  }
  syncFolder(path: string): Promise<void> {
    return this.#view.syncFolder(path)
  }
  list(path: string): Promise<FolderEntry[]> {
    return this.#view.list(path)
  }
  stat(path: string): Promise<FileStat | undefined> {
    return this.#view.stat(path)
  }
  link(from: string, to: string): Promise<void> {
    return this.#view.link(from, to)
  }
  rename(from: string, to: string): Promise<void> {
    return this.#view.rename(from, to)
  }
  remove(path: string): Promise<void> {
    return this.#view.remove(path)
  }
  removeFolder(path: string): Promise<void> {
    return this.#view.removeFolder(path)
  }
  space(path: string): Promise<{ free: number; total: number; kind: string | undefined }> {
    return this.#view.space(path)
  }
}
