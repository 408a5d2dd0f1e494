import type { Refusal } from './arriving.ts'
import type { PositionRun } from './inbox-port.ts'
import type { Piece } from './pieces.ts'
import { pushRun } from './runs.ts'

/*
 * Marks of an inbox: JSON, one for many messages; docs/format.md lists the same. A message is named by its stream `s` and
 * positions `r`, runs of [from, to). What was finished stays finished, whatever mark follows; else the later mark counts.
 * Numbers of a message (attempts, deliveries) are absolute, so that a mark read twice does no harm.
 */

/** Handed out. */
export interface LeaseMark {
  m: 'lease'
  l: string
  /** Wall ms when the lease ends. */
  u: number
  s: string
  r: PositionRun[]
  /** Deliveries, this one included; 1 when absent. */
  d?: number
  /** Failed attempts before; 0 when absent. */
  a?: number
  /** The consumer was in the owner's own process. */
  o?: 1
  /** The consumer, by the name it gave itself. */
  c?: string
}
/** A lease was made longer, or (`o`) its consumer outlives the owner in whose process it was. */
export interface KeepMark {
  m: 'keep'
  l: string
  u: number
  o?: 0
}
/** Acknowledged by its consumer, with its result. */
export interface DoneMark {
  m: 'done'
  l: string
  s: string
  r: PositionRun[]
  x?: unknown
}
/** To be handed out again. `v`: what the consumer said; absent when the lease just ended. */
export interface BackMark {
  m: 'back'
  l: string
  s: string
  r: PositionRun[]
  v?: 'retry' | 'release'
  /** Failed attempts by now; 0 when absent. */
  a?: number
  /** Deliveries by now, when the mark states again what older ones said. */
  d?: number
  /** Wall ms when this was written. */
  t: number
  /** Not before; wall ms. */
  u?: number
  /** Why it failed. */
  e?: string
}
/** In the dead letters. `v`: what the consumer said; absent when the lease just ended. `p`: destroyed by an operator, in no room. */
export interface DeadMark {
  m: 'dead'
  l?: string
  s: string
  r: PositionRun[]
  v?: 'reject' | 'retry'
  p?: 1
  e: string
}
/** Its time was over before anybody had it. */
export interface ExpiredMark {
  m: 'expired'
  s: string
  r: PositionRun[]
}
/**
 * Only in the first frame of a segment: what this writer wrote from `at` of segment `n` on, before this segment, never happened.
 * When a later owner says it again: what the writer `w` wrote there, before segment `b`.
 */
export interface VoidMark {
  m: 'void'
  n: number
  at: number
  w?: string
  b?: number
}
/** What was read of the unsealed segment `n` is synced, or copied before this mark. */
export interface TakenMark {
  m: 'taken'
  n: number
}
/** How far streams are here, restated so that older segments can go. */
export interface StreamsMark {
  m: 'streams'
  q: [stream: string, origin: string, node: string, priority: number, next: number, refused: Refusal[]][]
}
/** Ids remembered, restated: 16 bytes each, base64; received at or before `t`. */
export interface IdsMark {
  m: 'ids'
  t: number
  k: string
}

/** These positions are not finished; from now on they lie in a frame that follows. */
export interface MovedMark {
  m: 'moved'
  s: string
  r: PositionRun[]
}
/** Done, and an operator wants to see no more of it: not listed, not given again, and gone with its segment. */
export interface WipedMark {
  m: 'wiped'
  s: string
  r: PositionRun[]
}
/** The senders of those that asked have been told what became of these: it is in the outbox. */
export interface ToldMark {
  m: 'told'
  s: string
  r: PositionRun[]
}
/** The sender said at `t` (wall ms) that it has removed these streams, durably. */
export interface RemovedMark {
  m: 'removed'
  q: string[]
  t: number
}

/** Nothing is handed out from now on, `t` in wall ms; or is again. */
export interface PauseMark {
  m: 'pause'
  t: number
}
export interface ResumeMark {
  m: 'resume'
  t: number
}

/** Kept from being handed out, whatever becomes of it; or not any more. */
export interface HoldMark {
  m: 'hold'
  s: string
  r: PositionRun[]
}
export interface UnholdMark {
  m: 'unhold'
  s: string
  r: PositionRun[]
}

export type InboxMark =
  | HoldMark
  | UnholdMark
  | PauseMark
  | ResumeMark
  | LeaseMark
  | KeepMark
  | DoneMark
  | BackMark
  | DeadMark
  | ExpiredMark
  | VoidMark
  | TakenMark
  | StreamsMark
  | IdsMark
  | MovedMark
  | RemovedMark
  | ToldMark
  | WipedMark

const FIELDS: Readonly<Record<InboxMark['m'], string>> = {
  lease: 'lusr',
  keep: 'lu',
  done: 'lsr',
  back: 'lsrt',
  dead: 'sr',
  expired: 'sr',
  void: 'n',
  taken: 'n',
  streams: 'q',
  ids: 'tk',
  moved: 'sr',
  removed: 'qt',
  hold: 'sr',
  unhold: 'sr',
  pause: 't',
  resume: 't',
  told: 'sr',
  wiped: 'sr'
}
const KIND_OF: Readonly<Record<string, (value: unknown) => boolean>> = {
  l: value => typeof value === 'string',
  s: value => typeof value === 'string',
  k: value => typeof value === 'string',
  u: Number.isSafeInteger,
  t: Number.isSafeInteger,
  n: Number.isSafeInteger,
  q: Array.isArray,
  r: value => Array.isArray(value) && value.every(run => Array.isArray(run) && run.every(Number.isSafeInteger))
}

/** A mark as it was read. Undefined for one that this version does not know. */
export function inboxMark(note: unknown): InboxMark | undefined {
  if (typeof note !== 'object' || note === null) return undefined
  const mark = note as Record<string, unknown>
  const name = mark.m
  if (typeof name !== 'string' || !Object.hasOwn(FIELDS, name)) return undefined
  const fields = FIELDS[name as InboxMark['m']]
  for (const field of fields) if (!KIND_OF[field]!(mark[field])) return undefined
  return mark as unknown as InboxMark
}

export interface PieceGroup {
  first: Piece
  stream: string
  runs: PositionRun[]
}

/** Pieces of equal stream and numbers, as the positions of one mark each. */
export function groupPieces(pieces: readonly Piece[]): PieceGroup[] {
  const groups = new Map<string, PieceGroup>()
  let last: PieceGroup | undefined
  for (const piece of pieces) {
    const stream = piece.block.stream.id
    const same =
      last?.stream === stream && last.first.attempts === piece.attempts && last.first.deliveries === piece.deliveries
    if (last === undefined || !same) {
      const key = `${stream} ${piece.attempts} ${piece.deliveries}`
      last = groups.get(key)
      if (last === undefined) {
        last = { first: piece, stream, runs: [] }
        groups.set(key, last)
      }
    }
    pushRun(last.runs, piece.from, piece.to)
  }
  return [...groups.values()]
}
