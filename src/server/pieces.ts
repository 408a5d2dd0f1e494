import type { ChannelLease } from './leases.ts'
import type { StreamState } from './stream-state.ts'

/** A segment of the inbox, as far as its removal is concerned. */
export interface SegmentState {
  readonly path: string
  readonly n: number
  /** Messages in it that are not finished. */
  live: number
  /** Messages that came into it, finished or not. */
  messages: number
  /** Wall ms: the newest frame in it. */
  newestAt: number
  /** Wall ms: when the latest of its messages was finished. */
  doneAt: number
}

/** Where the entries of a block lie, relative to its `payloadAt`. An entry that cannot be read begins and ends at 0. */
export interface BlockTable {
  begins: Uint32Array
  ends: Uint32Array
  /** Wall ms when each message expires, Infinity for never; undefined when none does. */
  expires: Float64Array | undefined
  /** By position, a number for the key of each message: 0 for none; undefined when none has one. */
  keys: Float64Array | undefined
  /** How much later than the block's `at` each was received, ms; undefined when all came together. */
  later: Uint32Array | undefined
}

/**
 * Entries at consecutive positions of one stream that lie together in one frame, or near each other in several: what waits
 * behind many others is kept as few large blocks without tables.
 */
export interface Block {
  readonly stream: StreamState
  readonly from: number
  to: number
  /** Arrival order of `from`; that of the others follows. */
  readonly order: number
  /** Wall ms when it was received. */
  readonly at: number
  /** Where it lies; undefined until it is synced. */
  segment: SegmentState | undefined
  path: string
  payloadAt: number
  /** From the first entry to the end of the last; with several frames also what lies between. */
  bytes: number
  /** How many frames. */
  frames: number
  /** Some of its messages expire. */
  expiring: boolean
  /** Some of their senders want to hear what becomes of them. */
  receipts: boolean
  /** Some of its messages have keys. */
  keyed: boolean
  /** Forgotten when there are too many; read again when needed. */
  table: BlockTable | undefined
  /** Messages of it that are not finished. */
  live: number
  /** Bytes of a message of it, about, as its peer's share is counted. */
  each: number | undefined
}

export interface FailedAttempt {
  /** Wall ms. */
  at: number
  reason: string
}

/**
 * Consecutive positions of one block that have the same past and the same present: the unit of everything below.
 *
 * A piece leaves a queue by being taken out of it, or by becoming 'gone' where it lies.
 */
export interface Piece {
  block: Block
  from: number
  to: number
  /** 'parked': its turn comes after another one of its key; 'limbo': a verdict on it is on its way to the disk. */
  state: 'ready' | 'parked' | 'held' | 'delayed' | 'leased' | 'limbo' | 'gone'
  /** Under which it was handed out, while leased or in limbo. */
  lease: ChannelLease | undefined
  /** Ticks; of delayed ones. */
  dueAt: number
  /** Times handed out. */
  deliveries: number
  /** Hand-outs that failed. */
  attempts: number
  /** Why, the latest last. */
  past: readonly FailedAttempt[]
  /** An operator keeps it from being handed out; it is in state 'held' once its turn would be. */
  held: boolean
}

/** A block of several frames, and what lies between them, is gone through when its first message is taken. */
const JOINED_BYTES_MAX = 4_194_304
const JOINED_COUNT_MAX = 1_024
const JOINED_MS_MAX = 1_000_000_000

const NOTHING_PAST: readonly FailedAttempt[] = Object.freeze([])

/** The place of a piece in the order of arrival. */
export function orderOf(piece: Piece): number {
  return piece.block.order + piece.from - piece.block.from
}

/** A piece that nobody has had yet. */
export function freshPiece(block: Block, from: number, to: number): Piece {
  return {
    block,
    from,
    to,
    state: 'ready',
    lease: undefined,
    dueAt: 0,
    deliveries: 0,
    attempts: 0,
    past: NOTHING_PAST,
    held: false
  }
}

/** Nobody has it. */
export function isWaiting({ state }: Piece): boolean {
  return state === 'ready' || state === 'parked' || state === 'held' || state === 'delayed'
}

/** The table of entries that lie one after the other. `offsets`: where each begins and, last, where they end. */
export function tableOf(
  offsets: Uint32Array,
  { expires, keys }: { expires: Float64Array | undefined; keys: Float64Array | undefined }
): BlockTable {
  return { begins: offsets.subarray(0, -1), ends: offsets.subarray(1), expires, keys, later: undefined }
}

/** Bytes of the entries of [from, to). Undefined when the block must be read first. */
export function bytesOf(block: Block, from: number, to: number): number | undefined {
  if (block.frames === 1 && from === block.from && to === block.to) return block.bytes
  if (block.table === undefined) return undefined
  const { begins, ends } = block.table
  let bytes = 0
  for (let i = from - block.from; i < to - block.from; i++) bytes += ends[i]! - begins[i]!
  return bytes
}

/** Messages of a block whose entries lie one after the other in its file. */
export interface BlockPlace {
  from: number
  to: number
  /** In the file. */
  at: number
  bytes: number
  /** Wall ms. */
  receivedAt: number
}

/** Where the entries of [from, to) lie. Undefined when the block must be read first. */
export function placesOf(block: Block, from: number, to: number): BlockPlace[] | undefined {
  const { payloadAt, bytes, table, at: receivedAt } = block
  if (block.frames === 1 && from === block.from && to === block.to)
    return [{ from, to, at: payloadAt, bytes, receivedAt }]
  if (table === undefined) return undefined
  const { begins, ends, later } = table
  const places: BlockPlace[] = []
  let last: BlockPlace | undefined
  for (let position = from; position < to; position++) {
    const i = position - block.from
    const bytes = ends[i]! - begins[i]!
    if (last !== undefined && begins[i] === ends[i - 1]) {
      last.to++
      last.bytes += bytes
    } else {
      last = {
        from: position,
        to: position + 1,
        at: payloadAt + begins[i]!,
        bytes,
        receivedAt: receivedAt + (later?.[i] ?? 0)
      }
      places.push(last)
    }
  }
  return places
}

/** Several frames whose messages all wait untouched are one block from here on, if they are small and near each other. */
export function joinable(front: Piece, back: Piece): boolean {
  const a = front.block
  const b = back.block
  return (
    front.state === 'ready' &&
    back.state === 'ready' &&
    !front.held &&
    !back.held &&
    front.deliveries + front.attempts + back.deliveries + back.attempts === 0 &&
    front.to === back.from &&
    front.to === a.to &&
    a.live === front.to - front.from &&
    back.from === b.from &&
    back.to === b.to &&
    a.segment !== undefined &&
    a.segment === b.segment &&
    b.payloadAt > a.payloadAt &&
    b.payloadAt + b.bytes - a.payloadAt <= JOINED_BYTES_MAX &&
    b.to - a.from <= JOINED_COUNT_MAX &&
    b.at >= a.at &&
    b.at - a.at < JOINED_MS_MAX
  )
}

/** The same whatever the block takes in meanwhile, so that what was added is what is taken away. */
export function eachOf(block: Block): number {
  block.each ??= block.bytes / Math.max(1, block.to - block.from)
  return block.each
}

/** A block comes to hold the one after it as well. */
export function takeIn(into: Block, after: Block): void {
  const [mine, its] = [eachOf(into) * into.live, eachOf(after) * after.live]
  into.bytes = after.payloadAt + after.bytes - into.payloadAt
  into.to = after.to
  into.frames += after.frames
  into.live += after.live
  into.each = (mine + its) / Math.max(1, into.live)
  into.expiring ||= after.expiring
  into.receipts ||= after.receipts
  into.keyed ||= after.keyed
}
