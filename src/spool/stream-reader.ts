import { DroprError, diskError } from '../errors.ts'
import type { SegmentName } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import type { Piece } from './damaged-place.ts'
import type { Holder, OpenFiles } from './open-files.ts'
import { bytesIn, dropBefore, type Range, takeRange } from './range.ts'
import { SegmentFollower, type Step } from './segment-follower.ts'
import { SegmentHandle } from './segment-handle.ts'
import { readSeal } from './segment-seal.ts'
import type { Spool } from './spool.ts'
import { Turns } from './turns.ts'

export type { EntriesRange, Range, SkipRange, SkipReason } from './range.ts'

export interface StreamReaderOptions {
  spool: Spool
  segment: SegmentName
  channel: string
  priority: number
  openFiles: OpenFiles
  cancelled?: (stream: string) => ((position: number) => boolean) | undefined
}

/**
 * Reads one stream, an outbox segment, as ranges to send. Calls may overlap; they are answered one after the other.
 * Reading on from where the last range ended costs one read of the file; reading again from an earlier position costs no more
 * than a table look-up besides.
 */
export class StreamReader implements Holder {
  /** 32 hex digits. */
  readonly stream: string
  readonly createdAt: number
  readonly channel: string
  readonly priority: number
  readonly path: string
  readonly writer: string
  readonly n: number
  readonly #options: StreamReaderOptions
  readonly #follower: SegmentFollower
  readonly #file: SegmentHandle
  /** Read already, not yet given. */
  #pieces: Piece[] = []
  readonly #turns = new Turns()
  #ended: number | undefined
  #sealedAt: number | undefined
  /** Nobody will append any more: its writer is dead, or has a later segment. The next look to the end is the last. */
  final = false
  /** The last look found nothing more. */
  idle = false
  /** It found what cannot be read yet, behind which there may be more. */
  heldUp = false

  private constructor(options: StreamReaderOptions, reader: SegmentReader) {
    const { segment, channel, priority, spool } = options
    this.#options = options
    this.#follower = new SegmentFollower(spool, segment.path)
    this.stream = reader.head.stream
    this.#file = new SegmentHandle({ ...options, path: segment.path, stream: this.stream })
    this.createdAt = reader.head.createdAt
    this.channel = channel
    this.priority = priority
    this.path = segment.path
    this.writer = segment.writer
    this.n = segment.n
  }

  /** Undefined while the segment has no whole head: nothing in it was ever acknowledged. Holds no file open yet. */
  static async open(options: StreamReaderOptions): Promise<StreamReader | undefined> {
    const { spool, segment } = options
    try {
      const reader = await SegmentReader.open(spool.system.files, segment.path)
      if (reader === undefined) return undefined
      try {
        const stream = new StreamReader(options, reader)
        await stream.#lookForSeal(reader)
        return stream
      } finally {
        await reader.close()
      }
    } catch (error) {
      throw diskError(error, `open ${segment.path}`)
    }
  }

  /** How many positions the stream has, once that is final. */
  get ended(): number | undefined {
    return this.#ended
  }

  /** Its writer closed it in order. */
  get sealed(): boolean {
    return this.#sealedAt !== undefined
  }

  /** How many positions have been seen so far. */
  get known(): number {
    return this.#ended ?? this.#follower.tail.position
  }

  /** How far the segment was read, and when what was read was written. */
  get seen(): { offset: number; times: SegmentFollower['times'] } {
    return { offset: this.#follower.tail.offset, times: this.#follower.times }
  }

  /** Wall ms of the newest frame that was seen. */
  get lastAt(): number {
    return Math.max(this.createdAt, this.#follower.lastAt, this.#sealedAt ?? 0)
  }

  setFinal(): void {
    this.final = true
  }

  /** A hint: so many bytes of the file are written. False when they were read already. */
  written(end: number): boolean {
    if (end <= this.#follower.tail.offset) return false
    this.#follower.writtenTo = Math.max(this.#follower.writtenTo, end)
    this.idle = false
    return true
  }

  /**
   * The range that begins at `from`; undefined when there is nothing (more): `ended` then says whether for good.
   * @throws DroprError DISK_*, SPOOL_DAMAGED
   */
  read(from: number, bytesMax: number): Promise<Range | undefined> {
    return this.#inTurn(() => this.#read(from, bytesMax))
  }

  /** Nobody reads the entries of this range any more. */
  done(range: Range): void {
    if (range.entries !== undefined) this.#options.spool.blocks.give(range.entries)
  }

  /** Looks whether there is more, or the end. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look())
  }

  /**
   * Looks again behind an end that was judged final: true when there is more after all (somebody emptied run/ under a live
   * writer). The stream then goes on.
   */
  grew(): Promise<boolean> {
    if (this.sealed || this.#file.gone || this.#ended === undefined) return Promise.resolve(false)
    return this.#inTurn(async () => {
      await this.#look()
      if (this.#follower.tail.position <= (this.#ended ?? 0)) return false
      this.#ended = undefined
      return true
    })
  }

  /** Looks for a seal that was not there before. */
  lookForSeal(): Promise<void> {
    if (this.sealed || this.#file.gone) return Promise.resolve()
    return this.#inTurn(async () => {
      const reader = await this.#file.open(this)
      if (reader !== undefined) await this.#lookForSeal(reader)
    })
  }

  /** Closes the file and forgets what was read ahead; the next read opens it again. @param all Nor is its table kept. */
  release(all = false): Promise<void> {
    return this.#inTurn(async () => {
      this.#drop()
      if (all) this.#follower.forget()
      await this.#file.close(this)
    })
  }

  async #read(from: number, bytesMax: number): Promise<Range | undefined> {
    if (this.#ended !== undefined && from >= this.#ended) return undefined
    this.#seek(from)
    const step = await this.#fill(from, bytesMax)
    const { spool, cancelled } = this.#options
    const { system, blocks } = spool
    const isCancelled = cancelled?.(this.stream)
    const range = takeRange(this.#pieces, { from, bytesMax, now: system.clock.now(), blocks, isCancelled })
    this.#follower.letGo(this.#pieces)
    const { known } = this
    if (range !== undefined || step !== 'end' || from >= known) return range
    // They were there once, or the seal counts them, and nobody can bring them back.
    return { from, to: known, skip: this.#file.gone ? 'gone' : 'damaged' }
  }

  /** Makes what is read ahead begin at `from`, or behind it. */
  #seek(from: number): void {
    dropBefore(this.#pieces, from)
    const first = this.#pieces[0]?.first ?? this.#follower.position
    if (first === from) return
    this.#drop()
    this.#follower.seek(from)
  }

  async #look(): Promise<void> {
    this.#seek(this.#follower.tail.position)
    await this.#fill(this.#follower.tail.position, 1)
    this.#drop()
  }

  #drop(): void {
    this.#pieces = []
    this.#follower.letGo(this.#pieces)
  }

  /** Reads ahead until `bytesMax` are there, or there is no more: then says why. */
  async #fill(from: number, bytesMax: number): Promise<Step> {
    while (this.#pieces.length === 0 || bytesIn(this.#pieces) < bytesMax) {
      const reader = await this.#file.open(this)
      if (reader === undefined) this.#drop()
      if (reader === undefined) return this.#end()
      const step = await this.#follower.step(reader, this.#pieces, bytesMax, this.final)
      dropBefore(this.#pieces, from)
      this.idle = step !== 'read'
      this.heldUp = step === 'held'
      if (step === 'end') this.#end()
      if (step !== 'read') return step
    }
    return 'read'
  }

  #end(): 'end' {
    const { tail, sealed, lastAt } = this.#follower
    this.#ended = Math.max(tail.position, this.#ended ?? 0)
    if (sealed) this.#sealedAt ??= lastAt
    return 'end'
  }

  async #lookForSeal(reader: SegmentReader): Promise<void> {
    const seal = await readSeal(reader)
    if (seal === undefined) return
    this.#sealedAt = seal.at
    this.#ended = seal.count
    this.final = true
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      try {
        return await act()
      } catch (error) {
        // Half a step may have been taken: begin again from a place that is known.
        this.#drop()
        this.#follower.seek(0)
        throw error instanceof DroprError ? error : diskError(error, `read ${this.path}`)
      }
    })
  }
}
