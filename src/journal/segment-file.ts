import { systemCode } from '../errors.ts'
import type { AppendFile } from '../system/files.ts'
import type { System } from '../system/system.ts'
import type { Folders } from './folders.ts'
import { encodeFrameHeader, frameHeaderBytes } from './frame.ts'
import { encodeSegmentHead, SEGMENT_HEAD_BYTES, type SegmentHead } from './segment-head.ts'
import { listSegments, segmentPath } from './segment-names.ts'
import type { Commit } from './waiting.ts'

/**
 * A growing file changes its length with every commit; one filled ahead with zeros does not: 1.3 to 2.3 times the commits.
 * Each filling is as long as what is there, so that a small segment stays small. With large commits the zeros cost more than
 * they save: they are as many bytes again.
 */
const PREALLOCATE = {
  fromBytes: 8_192,
  stepBytesMin: 65_536,
  stepBytesMax: 4_194_304,
  commitBytesMax: 262_144,
  aheadBytesMin: 131_072
}
/** The first filling leaves room out for so many commits: those that come while it lasts. */
const GAP_COMMITS = 4
/** Commits are small or large on the average of so many: a mark between two ranges does not make them small. */
const AVERAGE_OF = 8
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
  /** Once it has so many, another segment follows: no zeros beyond. */
  readonly #bytesMax: number
  #position = 0
  #syncedTo = 0
  #entries = 0
  #frames = 0
  #unsynced = false
  /** Of a synced commit, lately. */
  #commitBytes = 0
  #allocatedTo = 0
  #allocating: Promise<void> | undefined
  /** Where the zeros that are being written begin. */
  #allocatingFrom = 0
  #named = false
  #failed: Error | undefined

  private constructor(
    system: System,
    place: { folder: string; file: AppendFile; path: string; n: number; bytesMax: number },
    head: SegmentHead
  ) {
    this.#system = system
    this.#folder = place.folder
    this.#file = place.file
    this.#bytesMax = place.bytesMax
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
    return this.#position
  }

  get entries(): number {
    return this.#entries
  }

  get frames(): number {
    return this.#frames
  }

  /** Writes a commit and, if it asks for it, syncs it with all before. Returns where its frames lie. */
  async write(commit: Commit): Promise<Place[]> {
    const begins = this.#position === 0
    const chunks: Uint8Array[] = begins ? [encodeSegmentHead(this.head)] : []
    const places: Place[] = []
    let end = begins ? SEGMENT_HEAD_BYTES : this.#position
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
    if (this.#allocating !== undefined && end > this.#allocatingFrom) await this.#allocating
    if (this.#failed !== undefined) throw this.#failed
    const putting = this.#put(chunks, commit.synced)
    if (commit.synced && !this.#named) await Promise.all([putting, this.#syncName()])
    else await putting
    const began = this.#position
    this.#position = end
    if (!commit.synced) return places
    this.#syncedTo = end
    this.#commitBytes += (end - began - this.#commitBytes) / (began === 0 ? 1 : AVERAGE_OF)
    if (end > PREALLOCATE.fromBytes && this.#commitBytes <= PREALLOCATE.commitBytesMax) this.#allocateAhead()
    return places
  }

  /** Does ahead of the first commit what it would have to wait for; and of many bytes to come what one of them would. */
  async prepare(bytes: number): Promise<void> {
    if (this.#position === 0) {
      await Promise.all([this.#put([encodeSegmentHead(this.head)], true), this.#named ? undefined : this.#syncName()])
      this.#position = this.#syncedTo = SEGMENT_HEAD_BYTES
    }
    if (bytes < PREALLOCATE.aheadBytesMin || this.#position + bytes < this.#allocatedTo) return
    this.#allocateAhead(PREALLOCATE.stepBytesMax, 0)
    await this.#allocating
  }

  /** Says that this segment ends here, and closes it. `payload`: what the seal holds, whole entries. An empty one gets none, unless asked for. */
  async seal(payload: Buffer[] = [], evenEmpty = false): Promise<void> {
    await this.#allocating
    const header = Buffer.alloc(frameHeaderBytes(undefined))
    const frame = { kind: 'seal' as const, source: undefined, count: payload.length, payload, header, joined: false }
    const bytes = payload.reduce((sum, part) => sum + part.length, header.length)
    try {
      if (this.#position > 0 || evenEmpty) await this.write({ frames: [frame], waiters: [], bytes, synced: true })
    } finally {
      await this.close()
    }
    if (this.#allocatedTo > this.#position)
      await this.#system.files.truncate(this.path, this.#position).catch(() => undefined)
  }

  /** Lets the file go as it is. */
  async close(): Promise<void> {
    await this.#allocating
    await this.#file.close().catch(() => undefined)
  }

  #put(chunks: Uint8Array[], synced: boolean): Promise<void> {
    if (synced && !this.#unsynced) return this.#file.writeSynced(chunks, this.#position)
    this.#unsynced = true
    const writing = this.#file.write(chunks, this.#position)
    return synced ? writing.then(() => this.#sync()) : writing
  }

  async #sync(): Promise<void> {
    await this.#file.sync()
    this.#unsynced = false
  }

  /** The first synced commit also syncs the file's name. */
  async #syncName(): Promise<void> {
    await this.#system.files.syncFolder(this.#folder)
    this.#named = true
  }

  get #step(): number {
    const { stepBytesMin, stepBytesMax } = PREALLOCATE
    return Math.min(Math.max(this.#position, stepBytesMin), stepBytesMax)
  }

  /** Zeros only beyond what was allocated before, where no commit writes. Running out of space is no error, a failed sync is. */
  #allocateAhead(step = this.#step, gap = Math.ceil(this.#commitBytes) * GAP_COMMITS): void {
    if (this.#allocating !== undefined || this.#position + step / 2 < this.#allocatedTo) return
    const from = Math.max(this.#allocatedTo, this.#position + gap)
    const to = Math.min(from + step, this.#bytesMax)
    if (to <= from) return
    this.#allocatingFrom = from
    this.#allocating = this.#file
      .preallocate(from, to)
      .then(
        () => {
          this.#allocatedTo = to
        },
        (error: unknown) => {
          if (systemCode(error) !== 'ENOSPC') this.#failed = error instanceof Error ? error : new Error(String(error))
          this.#allocatedTo = Number.MAX_SAFE_INTEGER
        }
      )
      .finally(() => {
        this.#allocating = undefined
      })
  }
}
