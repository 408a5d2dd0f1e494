import { DroprError, diskError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { ChannelRights } from '../spool/channel-rights.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { BlobAnswer, BlobPiece } from '../wire/blob.ts'
import { checkUpload, REFUSALS_MAX, UPLOAD_BYTES_MAX, type UploadAnswer, type UploadRequest } from '../wire/upload.ts'
import { streamConflict } from '../wire/upload-failure.ts'
import { Admission, type Occupied } from './admission.ts'
import type { ArrivingRange, Refusal } from './arriving.ts'
import type { BlobIntake } from './blob-intake.ts'
import { Damages } from './damages.ts'
import { Origins } from './origins.ts'
import { anyBlob, withBlobs } from './owned-blobs.ts'
import { checkRange } from './range-check.ts'
import { firstPart, refusedRange, rest } from './range-parts.ts'
import { ParkingPlace, Turns } from './turns.ts'

/** What is known of a stream. Positions below `next` are here, synced. */
export interface KnownStream {
  readonly origin: string
  readonly node: string
  readonly channel: string
  readonly priority: number
  readonly next: number
  /** Ascending, synced, those at or above `settled`. */
  refusals(settled: number): readonly Refusal[]
}

/** Where what arrives is kept: the inbox. */
export interface RangeStore extends Occupied {
  stream(id: string): KnownStream | undefined
  /** While a channel is being opened: what its streams are may not be durable yet. */
  opening?(channel: string): Promise<unknown> | undefined
  /** Resolves, with the stream's new `next`, when the range is synced. The receiver has one range a stream under way. */
  appendRange(range: ArrivingRange): Promise<number>
  /** Marks streams of a node whose sender has removed them. Gives those that are marked, synced, or not known. */
  removed?(streams: readonly string[], node: string): Promise<string[]>
}

export interface ReceiverOptions {
  clock: Clock
  log: Log
  limits: Limits
  store: RangeStore
  /** Takes large bodies. Without it, messages that have one are refused. */
  blobs?: Pick<BlobIntake, 'take' | 'refusal'> | undefined
  /** Refuses what would fill the disk. */
  space?: { check(bytes?: number): void }
  /** Channels a peer may send to; undefined for all. */
  rights?: (peer: string) => ChannelRights | undefined
}

/** Streams of which damage is remembered, and origins that are bound, in this process. */
const REMEMBERED_MAX = 10_000

/**
 * The receiving end of the protocol, free of HTTP: checks an upload, has it stored at its turn, and says how far the stream
 * has come. Nothing is answered but what is synced.
 */
export class Receiver {
  readonly #options: ReceiverOptions
  readonly #turns = new Map<string, Turns>()
  readonly #parking: ParkingPlace
  readonly #origins = new Origins(REMEMBERED_MAX)
  readonly #damages = new Damages(REMEMBERED_MAX)
  readonly #admission: Admission

  constructor(options: ReceiverOptions) {
    const { clock, limits } = options
    this.#options = options
    this.#admission = new Admission(options)
    // The sender waits `answerMsMax`: it must hear that its turn did not come before it gives up.
    this.#parking = new ParkingPlace(clock, {
      bytesMax: limits.parkedBytesMax,
      msMax: Math.ceil(limits.answerMsMax / 2)
    })
  }

  /** Bytes of uploads that wait for their turn. */
  get parkedBytes(): number {
    return this.#parking.bytes
  }

  /**
   * @param peer Who sent it, as far as that was proven.
   * @throws DroprError REQUEST_BAD, PEER_FORBIDDEN, MESSAGE_TOO_LARGE, ENTRY_CORRUPT, or the disk's; UploadFailure
   * STREAM_CONFLICT with `next`, from where the sender continues.
   */
  async receive(request: UploadRequest, peer: string): Promise<UploadAnswer> {
    checkUpload(request)
    const opening = this.#options.store.opening?.(request.channel)
    if (opening !== undefined) await opening
    this.#checkRights(request, peer)
    // What is here already is answered whatever the disk and the channel hold.
    const here = this.#options.store.stream(request.stream)?.next ?? 0
    const forbidden = this.#admission.forbidden(request, peer)
    const room = request.from < here ? Number.POSITIVE_INFINITY : this.#admission.room(request, peer)
    if (request.blob !== undefined) return await this.#piece(request, request.blob, { here, forbidden })
    const came = this.#rangeOf(request, room)
    const allowed = forbidden === undefined ? came : refusedRange(came, forbidden)
    const range = anyBlob(allowed) ? await withBlobs(allowed, here, this.#options.blobs) : allowed
    const noting = this.#note(request, peer)
    await this.#store(range)
    const removed = await noting
    this.#origins.bind(request.origin, peer)
    const stream = this.#options.store.stream(request.stream)
    return {
      stream: request.stream,
      nonce: request.nonce,
      ...(removed !== undefined && { removed }),
      ...answerable(stream?.next ?? 0, stream?.refusals(request.settled) ?? [])
    }
  }

  /** A piece of a large body, ahead of its message. */
  async #piece(
    request: UploadRequest,
    piece: BlobPiece,
    { here: next, forbidden }: { here: number; forbidden: string | undefined }
  ): Promise<UploadAnswer> {
    const { blobs } = this.#options
    const { channel, stream, from, nonce, entries, progress } = request
    let blob: BlobAnswer = { have: piece.total, state: 'whole' }
    if (from >= next) {
      blob =
        blobs && forbidden === undefined
          ? await blobs.take({ channel, stream, position: from }, piece, entries, progress)
          : { have: 0, state: 'refused' }
    }
    return { stream, nonce, next, refused: [], blob }
  }

  /** A peer may write only to streams whose origin is itself, and a stream never changes its origin or channel. */
  #checkRights(request: UploadRequest, peer: string): void {
    if (request.node !== peer) throw new DroprError('PEER_FORBIDDEN', `${peer} cannot send as ${request.node}`)
    if (!this.#origins.mayBe(request.origin, peer))
      throw new DroprError('PEER_FORBIDDEN', `this origin belongs to another node than ${peer}`)
    const known = this.#options.store.stream(request.stream)
    if (known === undefined) return
    if (known.node !== peer || known.origin !== request.origin)
      throw new DroprError('PEER_FORBIDDEN', `this stream belongs to another node than ${peer}`)
    if (known.channel !== request.channel || known.priority !== request.priority)
      throw new DroprError('REQUEST_BAD', 'a stream keeps its channel and its priority')
  }

  /** Never rejects: what is not marked now is told again. */
  async #note({ removed = [] }: UploadRequest, peer: string): Promise<string[] | undefined> {
    const { store, log } = this.#options
    if (removed.length === 0 || store.removed === undefined) return undefined
    try {
      return await store.removed(removed, peer)
    } catch (error) {
      const { code, message } = diskError(error, 'mark removed streams')
      log.warn({ code, node: peer }, message)
      return undefined
    }
  }

  /** What of the upload is taken. */
  #rangeOf(request: UploadRequest, room = Number.POSITIVE_INFINITY): ArrivingRange {
    const { origin, node, stream, channel, priority, from, nonce, entries, skip, whole } = request
    const to = { origin, node, stream, channel, priority, from }
    if (skip) return { ...to, to: skip.to, entries, offsets: new Uint32Array(1), skip: skip.reason }
    if (entries.length > UPLOAD_BYTES_MAX)
      throw new DroprError(
        'MESSAGE_TOO_LARGE',
        `an upload has at most ${UPLOAD_BYTES_MAX} bytes, got ${entries.length}`
      )
    const checked = checkRange(entries, from, this.#options.limits, (at, damage) =>
      this.#damages.isKnown(stream, at, damage, nonce)
    )
    const { count, offsets, refused, stop, detail, damage } = checked
    if (damage !== undefined) this.#damages.note(stream, from + count, damage, nonce)
    if (count === 0) {
      if (stop === 'crc') throw new DroprError('ENTRY_CORRUPT', `the entry of position ${from} was damaged: ${detail}`)
      throw new DroprError('REQUEST_BAD', whole ? `no whole entry: ${detail}` : 'the body was cut in its first entry')
    }
    if (stop !== undefined || refused.length > 0) {
      const { log } = this.#options
      const facts = { code: 'UPLOAD_PARTIAL', node, channel, from, taken: count, refused: refused.length, stop, detail }
      log.warn(facts, 'an upload was not taken whole')
    }
    const range = { ...to, to: from + count, entries: entries.subarray(0, offsets[count]), offsets, refused }
    return count <= room ? range : firstPart(range, room)
  }

  /** Resolves when the whole range is here. */
  async #store(range: ArrivingRange): Promise<void> {
    const { store } = this.#options
    const turns = this.#turns.get(range.stream) ?? new Turns()
    this.#turns.set(range.stream, turns)
    turns.users++
    try {
      for (;;) {
        const next = store.stream(range.stream)?.next ?? 0
        if (range.to <= next) return
        if (!turns.busy && range.from <= next)
          return await this.#append(turns, next === range.from ? range : rest(range, next))
        const woken = await this.#parking.wait(turns, { from: range.from, bytes: range.entries.length })
        if (woken === 'changed') continue
        const now = store.stream(range.stream)?.next ?? 0
        if (range.to <= now) return
        throw streamConflict(now, `the stream is here up to ${now}, the range begins at ${range.from}`)
      }
    } finally {
      // Not while one that was just woken may wait here again: later uploads would not wake it.
      if (--turns.users === 0) this.#turns.delete(range.stream)
    }
  }

  async #append(turns: Turns, range: ArrivingRange): Promise<void> {
    turns.busy = true
    try {
      await this.#options.store.appendRange(range)
      turns.busy = false
      turns.wakeAll('changed')
    } catch (error) {
      turns.busy = false
      // Those behind it cannot be joined now. Their sender hears the same, and begins again where the stream ends.
      turns.wakeAll({ error })
      throw error
    }
  }
}

/** As many refusals as fit one answer. What is not told now is told when the sender asks on from there. */
function answerable(next: number, refusals: readonly Refusal[]): { next: number; refused: Refusal[] } {
  if (refusals.length <= REFUSALS_MAX) return { next, refused: [...refusals] }
  return { next: refusals[REFUSALS_MAX]!.at, refused: refusals.slice(0, REFUSALS_MAX) }
}
