import type { ErrorCode } from '../errors.ts'

/** A position whose message is not taken, and why. The position is kept, so that later ones stay where they are. */
export interface Refusal {
  at: number
  id: string
  code: ErrorCode
  detail: string
}

export type SkipReason = 'damaged' | 'expired' | 'cancelled' | 'gone'

/** Positions [from, to) of a stream on their way into the inbox. The bytes were checked by who hands them over. */
export interface ArrivingRange {
  /** Spool id of the sending node, 32 hex digits. */
  origin: string
  node: string
  /** 32 hex digits. */
  stream: string
  channel: string
  priority: number
  from: number
  to: number
  /** Whole entries, as they came; empty for a skip. Kept as they are until written: do not reuse the buffer. */
  entries: Buffer
  /** Where each entry begins and, last, where they end (`checkEntries`). */
  offsets: Uint32Array
  /** Ascending. Their entries are not stored. */
  refused?: readonly Refusal[]
  /** Nothing comes for these positions, and never will. */
  skip?: SkipReason
  /** They were here and come back, since somebody wants that: never taken for duplicates, marked as handed out before. */
  again?: true
}
