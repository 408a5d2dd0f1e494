import { DroprError } from '../errors.ts'
import { type Beyond, beyond } from '../journal/beyond.ts'
import type { Frame } from '../journal/frame.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'
import { type Piece, salvagePieces } from './damaged-place.ts'
import { quarantine } from './quarantine.ts'
import type { Spool } from './spool.ts'
import { Times } from './times.ts'

/** One place of the table for so many bytes of file. */
const TABLE_STEP_BYTES = 262_144
/** What is searched for readable entries in one damaged place; beyond it they are only set aside. */
const SALVAGE_BYTES_MAX = 67_108_864
/** Less is not worth a read, and would not hold a header. */
const READ_BYTES_MIN = 65_536
/** Bytes that are no frame, unchanged for so long under a live writer, are looked at more closely. */
const BAD_MS = 1_000

interface Spot {
  offset: number
  position: number
}

/** What a step of reading found. `held`: bytes that cannot be read yet, behind which there may be more. */
export type Step = 'read' | 'wait' | 'held' | 'end'

/**
 * Goes through the frames of one segment, forward, also while its writer appends, and judges what is no frame.
 *
 * What a later header vouches for was synced once: that is damage, set aside and stepped over. So is, once nobody writes here
 * any more, anything that a whole frame follows. All else is what a live writer is just writing, or a torn tail.
 */
export class SegmentFollower {
  readonly #spool: Spool
  readonly #path: string
  readonly #table: Spot[] = []
  readonly #gaps = new Map<number, { end: Spot; pieces: Piece[] }>()
  #spot: Spot = { offset: SEGMENT_HEAD_BYTES, position: 0 }
  #tail: Spot = this.#spot
  #badSince: { offset: number; ticks: number } | undefined
  /** Wall ms of the newest frame seen. */
  lastAt = 0
  readonly times = new Times()
  /** The seal was read: nothing comes after it. */
  sealed = false
  /** What the pieces given so far are views of, in order. */
  readonly #blocks: Buffer[] = []
  /** Where there was nothing more: what is there later was written since. */
  #waitedAt = -1
  /** Zeros may be what the disk lost of what was there when this began. Of all that comes later hints tell. */
  #lookedBehind = false
  /** How many bytes of the file are known to be written, from hints. */
  writtenTo = 0

  constructor(spool: Spool, path: string) {
    this.#spool = spool
    this.#path = path
  }

  /** The position that comes next. */
  get position(): number {
    return this.#spot.position
  }

  /** How far the segment was ever read. */
  get tail(): Readonly<Spot> {
    return this.#tail
  }

  /** Goes to the last known place at or before a position. */
  seek(position: number): void {
    let low = 0
    let high = this.#table.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#table[middle]!.position <= position) low = middle + 1
      else high = middle
    }
    this.#spot = this.#table[low - 1] ?? { offset: SEGMENT_HEAD_BYTES, position: 0 }
    if (this.#tail.position <= position) this.#spot = this.#tail
  }

  /**
   * Reads about `bytesMax` more into `into`. See `letGo`.
   *
   * @param final Nobody writes to the segment any more; must have been so before the call.
   */
  async step(reader: SegmentReader, into: Piece[], bytesMax: number, final: boolean): Promise<Step> {
    const { offset } = this.#spot
    const gap = this.#gaps.get(offset)
    if (gap !== undefined) {
      into.push(...gap.pieces)
      this.#goTo(gap.end)
      return 'read'
    }
    const { writtenTo } = this
    const { blocks } = this.#spool
    const fresh = this.#waitedAt === offset
    const read = await reader.read(offset, Math.max(bytesMax, READ_BYTES_MIN), { blocks, fresh })
    const { frames, next, stop, block, newestAt } = read
    if (block !== undefined) this.#blocks.push(block)
    this.lastAt = Math.max(this.lastAt, newestAt)
    for (const frame of frames) this.#take(frame, into)
    if (stop === 'more') return 'read'
    if (this.sealed && this.#spot.offset >= this.#tail.offset) return 'end'
    const quiet = !final && stop === 'end' && writtenTo <= next && !this.#gaps.has(next)
    if (stop === 'end') this.#waitedAt = next
    if (frames.length > 0) return quiet ? 'wait' : 'read'
    return this.#judge(reader, { at: next, final, written: writtenTo > next, bad: stop === 'bad' })
  }

  /** Of all pieces that steps gave, only these are still used. */
  letGo(pieces: readonly Piece[]): void {
    const isUsed = ({ buffer }: Buffer) => pieces.some(({ payload }) => payload?.buffer === buffer)
    while (this.#blocks[0] !== undefined && !isUsed(this.#blocks[0])) this.#spool.blocks.give(this.#blocks.shift()!)
  }

  /** Keeps no places: a search begins at the head again. What was found damaged stays known, since it was set aside. */
  forget(): void {
    this.#table.length = 0
  }

  #take(frame: Frame, into: Piece[]): void {
    if (frame.kind === 'seal') this.sealed = true
    const { first, count, payload } = frame
    const { position } = this.#spot
    if (first < position) throw new DroprError('SPOOL_DAMAGED', `${this.#path}: position ${first} after ${position}`)
    if (first > position) into.push({ first: position, count: first - position, payload: undefined })
    const last = this.#table.at(-1)
    if (count > 0 && frame.offset - (last?.offset ?? 0) >= TABLE_STEP_BYTES)
      this.#table.push({ offset: frame.offset, position: first })
    if (count > 0) this.times.note(first, frame.at)
    if (count > 0) into.push({ first, count, payload })
    this.#goTo({ offset: frame.end, position: first + count })
  }

  #goTo(spot: Spot): void {
    this.#spot = spot
    if (spot.offset > this.#tail.offset) this.#tail = spot
  }

  async #judge(
    reader: SegmentReader,
    place: { at: number; final: boolean; written: boolean; bad: boolean }
  ): Promise<Step> {
    const { at, final, written } = place
    const doubted = !final && !written
    if (doubted && !place.bad && this.#lookedBehind) return 'wait'
    if (doubted && place.bad && this.#badFor(at) < BAD_MS) return 'held'
    const { next, vouched } = await beyond(reader, at)
    if (next === undefined) this.#lookedBehind = true
    if (next === undefined) return final ? 'end' : 'wait'
    if (doubted && !vouched) return 'held'
    // What was being written when it was read may be whole now.
    if (next.offset === at || (await reader.read(at, READ_BYTES_MIN)).frames.length > 0) return 'read'
    const why = vouched ? 'it was synced and is no longer what was written' : 'no frame, before a whole one'
    await this.#stepOver(reader, { from: at, after: next, why })
    return 'read'
  }

  #badFor(offset: number): number {
    const ticks = this.#spool.system.clock.ticks()
    if (this.#badSince?.offset !== offset) this.#badSince = { offset, ticks }
    return ticks - this.#badSince.ticks
  }

  async #stepOver(reader: SegmentReader, bad: { from: number; after: Beyond; why: string }): Promise<void> {
    const { from, after, why } = bad
    const positions = { first: this.#spot.position, to: after.first }
    const bytes = await reader.raw(from, Math.min(after.offset - from, SALVAGE_BYTES_MAX))
    const { pieces, saved } = salvagePieces(bytes, reader.head.salt, positions)
    const lost = pieces.filter(piece => piece.payload === undefined)
    await quarantine(this.#spool, reader, {
      path: this.#path,
      from,
      to: after.offset,
      lost: lost.map(({ first, count }) => [first, first + count] as const),
      saved,
      why
    })
    this.#gaps.set(from, { end: { offset: after.offset, position: after.first }, pieces })
  }
}
