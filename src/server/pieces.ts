import type { ChannelLease } from './leases.ts'
import type { StreamState } from './stream-state.ts'

/** A segment of the inbox, as far as its removal is concerned. */
export interface SegmentState {
  readonly path: string
  readonly n: number
  /** Messages in it that are not finished. */
  live: number
  /** Wall ms: the newest frame in it. */
  newestAt: number
  /** Wall ms: when the latest of its messages was finished. */
  doneAt: number
}

/** Entries at consecutive positions of one stream that lie together in one frame. */
export interface Block {
  readonly stream: StreamState
  readonly from: number
  readonly to: number
  /** Arrival order of `from`; that of the others follows. */
  readonly order: number
  /** Wall ms when it was received. */
  readonly at: number
  /** Where it lies; undefined until it is synced. */
  segment: SegmentState | undefined
  path: string
  payloadAt: number
  readonly bytes: number
  /** Where in the payload each entry begins and the last ends. Forgotten when there are too many; read again when needed. */
  offsets: Uint32Array | undefined
  /** Wall ms when each message expires, Infinity for never; undefined when none does. */
  readonly expires: Float64Array | undefined
  /** Messages of it that are not finished. */
  live: number
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
  /** 'limbo': a verdict on it is on its way to the disk. */
  state: 'ready' | 'delayed' | 'leased' | 'limbo' | 'gone'
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
}

const NOTHING_PAST: readonly FailedAttempt[] = Object.freeze([])

/** The place of a piece in the order of arrival. */
export function orderOf(piece: Piece): number {
  return piece.block.order + piece.from - piece.block.from
}

/** A piece that nobody has had yet. */
export function freshPiece(block: Block, from: number, to: number): Piece {
  return { block, from, to, state: 'ready', lease: undefined, dueAt: 0, deliveries: 0, attempts: 0, past: NOTHING_PAST }
}

/** Where the entries of [from, to) lie in the file. Undefined when that must be read first. */
export function placeOf(block: Block, from: number, to: number): { at: number; bytes: number } | undefined {
  if (from === block.from && to === block.to) return { at: block.payloadAt, bytes: block.bytes }
  const { offsets } = block
  if (offsets === undefined) return undefined
  const begin = offsets[from - block.from]!
  return { at: block.payloadAt + begin, bytes: offsets[to - block.from]! - begin }
}
