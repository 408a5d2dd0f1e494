import { systemCode } from '../errors.ts'
import type { AppendFile } from '../system/files.ts'
import type { System } from '../system/system.ts'
import type { Folders } from './folders.ts'
import { encodeFrameHeader, frameHeaderBytes } from './frame.ts'
import { encodeSegmentHead, SEGMENT_HEAD_BYTES, type SegmentHead } from './segment-head.ts'
import { listSegments, segmentPath } from './segment-names.ts'
import type { Commit } from './waiting.ts'
import { ZerosAhead } from './zeros-ahead.ts'

const NAME_TRIES = 100

/** Where a frame came to lie. */
export interface Place {
  path: string
  n: number
  offset: number
  payloadAt: number
}

/**
 * One segment being written. After a rejection it takes nothing more (SYNC-6): the journal opens the next.
 */
export class SegmentFile {
  readonly path: string
  readonly n: number
  readonly head: SegmentHead
  readonly #system: System
  readonly #folder: string
  readonly #file: AppendFile
  /** The same file once more. Of two writes through one descriptor, Linux may tell either of the failure of the other's bytes. */
  #second: AppendFile | undefined
  #opening: Promise<void> | undefined
  /** Where the next commit goes. */
  #position = 0
  /** Up to here all is there. */
  #writtenTo = 0
  #syncedTo = 0
  /** The latest commit, with all before it. */
  #writing: Promise<void> | undefined
  #entries = 0
  #frames = 0
  #unsynced = false
  readonly #zeros: ZerosAhead
  #named = false

  private constructor(
    system: System,
    place: { folder: string; file: AppendFile; path: string; n: number; bytesMax: number },
    head: SegmentHead
  ) {
    this.#system = system
    this.#folder = place.folder
    this.#file = place.file
    this.#zeros = new ZerosAhead(place.file, place.bytesMax)
    this.path = place.path
    this.n = place.n
    this.head = head
  }

  /** Makes the next segment of a folder: its number is one above every segment that is there. */
  static async create(options: {
    system: System
    folders: Folders
    folder: string
    writer: string
    spool: string
    /** Numbers up to this one are not used again. */
    above?: number | undefined
    /** The folder is removed when it is empty, and made again. */
    folderGoes?: boolean
    limits: { segmentBytesMax: number }
  }): Promise<SegmentFile> {
    const { system, folder, writer, limits } = options
    const head = {
      salt: system.random.bytes(4).readUInt32LE(),
      createdAt: system.clock.now(),
      stream: system.random.bytes(16).toString('hex'),
      spool: options.spool
    }
    for (let tries = 1; ; tries++) {
      await options.folders.ensure(folder)
      const n = Math.max((await listSegments(system.files, folder)).at(-1)?.n ?? 0, options.above ?? 0) + 1
      const path = segmentPath(folder, writer, n)
      try {
        const file = await system.files.create(path)
        // From now on it stays. It may be another one than was made durable, which somebody else has made just now.
        if (options.folderGoes === true) await system.files.syncFolder(folder.slice(0, folder.lastIndexOf('/')))
        return new SegmentFile(system, { folder, file, path, n, bytesMax: limits.segmentBytesMax }, head)
      } catch (error) {
        if (tries === NAME_TRIES || !['EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw error
        if (systemCode(error) === 'ENOENT') options.folders.forget(folder)
      }
    }
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#writtenTo
  }

  /** Whether a commit may be written beside another one. Not until the file is open a second time, which begins when this is asked first. */
  mayOverlap(): boolean {
    if (!this.#named || this.#syncedTo === 0) return false
    this.#opening ??= this.#system.files.reopen(this.path).then(
      file => {
        this.#second = file
      },
      () => undefined // without it, one commit follows the other
    )
    return this.#second !== undefined
  }

  get entries(): number {
    return this.#entries
  }

  get frames(): number {
    return this.#frames
  }

  /**
   * Writes a commit and, if it asks for it, syncs it with all before. Returns where its frames lie.
   *
   * @param beside Another one is on its way, and `mayOverlap`: this one is there when that one is, and fails when that one does.
   */
  async write(commit: Commit, beside = false): Promise<Place[]> {
    const began = this.#position
    const chunks: Uint8Array[] = began === 0 ? [encodeSegmentHead(this.head)] : []
    const places: Place[] = []
    let end = began === 0 ? SEGMENT_HEAD_BYTES : began
    const at = this.#system.clock.now()
    for (const frame of commit.frames) {
      const headerBytes = frameHeaderBytes(frame.source)
      const { kind, count, source, payload } = frame
      const header = { kind, count, first: this.#entries, syncedTo: this.#syncedTo, at, source }
      encodeFrameHeader(frame.header, 0, header, payload, this.head.salt)
      places.push({ path: this.path, n: this.n, offset: end, payloadAt: end + headerBytes })
      if (frame.joined) chunks.push(frame.header)
      else chunks.push(frame.header.subarray(0, headerBytes), ...frame.payload)
      end += frame.joined
        ? frame.header.length
        : headerBytes + frame.payload.reduce((sum, part) => sum + part.length, 0)
      this.#entries += frame.count
    }
    this.#frames += commit.frames.length
    this.#position = end
    this.#writing = inOrder(
      this.#writing,
      this.#putAt(began, end, chunks, commit.synced, beside ? this.#second! : this.#file)
    )
    await this.#writing
    this.#writtenTo = end
    if (!commit.synced) return places
    this.#syncedTo = end
    this.#zeros.committed(began, end, this.#position)
    return places
  }

  /** Does ahead of the first commit what it would have to wait for; and of many bytes to come what one of them would. */
  async prepare(bytes: number): Promise<void> {
    if (this.#position === 0) {
      await Promise.all([
        this.#put([encodeSegmentHead(this.head)], 0, true),
        this.#named ? undefined : this.#syncName()
      ])
      this.#position = this.#writtenTo = this.#syncedTo = SEGMENT_HEAD_BYTES
    }
    await this.#zeros.prepare(this.#position, bytes)
  }

  /** Says that this segment ends here, and closes it. `payload`: what the seal holds, whole entries. An empty one gets none, unless asked for. */
  async seal(payload: Buffer[] = [], evenEmpty = false): Promise<void> {
    await this.#zeros.writing
    const header = Buffer.alloc(frameHeaderBytes(undefined))
    const frame = { kind: 'seal' as const, source: undefined, count: payload.length, payload, header, joined: false }
    const bytes = payload.reduce((sum, part) => sum + part.length, header.length)
    const end = this.#position
    try {
      if (end > 0 || evenEmpty) await this.write({ frames: [frame], waiters: [], bytes, synced: true })
    } catch (error) {
      // It may be seen until the power goes: who believed it then would find again what was written before it.
      await this.#system.files.truncate(this.path, end).catch(() => undefined)
      throw error
    } finally {
      await this.close()
    }
    if (this.#zeros.to > this.#position)
      await this.#system.files.truncate(this.path, this.#position).catch(() => undefined)
  }

  /** Lets the file go as it is. */
  async close(): Promise<void> {
    await this.#zeros.writing
    // Its descriptor may be another file's as soon as it is closed.
    await this.#writing?.catch(() => undefined)
    await this.#opening
    await this.#second?.close().catch(() => undefined)
    await this.#file.close().catch(() => undefined)
  }

  async #putAt(began: number, end: number, chunks: Uint8Array[], synced: boolean, file: AppendFile): Promise<void> {
    const zeros = this.#zeros.reached(end)
    if (zeros !== undefined) await zeros
    this.#zeros.check()
    const putting = this.#put(chunks, began, synced, file)
    if (synced && !this.#named) await Promise.all([putting, this.#syncName()])
    else await putting
  }

  #put(chunks: Uint8Array[], position: number, synced: boolean, file = this.#file): Promise<void> {
    if (synced && !this.#unsynced) return file.writeSynced(chunks, position)
    this.#unsynced = true
    const writing = file.write(chunks, position)
    return synced ? writing.then(() => this.#sync(file)) : writing
  }

  async #sync(file: AppendFile): Promise<void> {
    await file.sync()
    this.#unsynced = false
  }

  /** The first synced commit also syncs the file's name. */
  async #syncName(): Promise<void> {
    await this.#system.files.syncFolder(this.#folder)
    this.#named = true
  }
}

/** Settles after both; rejects when either did. */
async function inOrder(before: Promise<void> | undefined, mine: Promise<void>): Promise<void> {
  try {
    await mine
  } finally {
    await before
  }
}
