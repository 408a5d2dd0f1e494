import type { Filter } from '../spool/filter.ts'

/**
 * One step of an operator's move through a channel: who asks goes on from `after` until there is none, so that it may be paced,
 * counted and stopped, and outlives the owner it asks.
 */
export interface MoveRequest {
  what: MoveKind
  channel: string
  filter: Filter
  /** Wall ms when the whole move began: ages count from then, and what came later is left alone. */
  began: number
  /** Where the step before ended. */
  after?: string
  /** Messages in one step at most. */
  max: number
  /** Purge: also what somebody holds. */
  leased?: boolean
  /** Changes nothing. */
  dryRun?: boolean
}

export const MOVES = ['redrive', 'drop', 'purge', 'replay', 'clean', 'cancel', 'remove', 'wipe', 'wipe-sent'] as const
export type MoveKind = (typeof MOVES)[number]

export interface MoveAnswer {
  /** Those it was done to, synced; in a dry run, would have been. */
  moved: number
  bytes: number
  /** Why how many that fit were left as they are. */
  left: Readonly<Record<string, number>>
  /** Where the next step begins. Absent: this was the last. */
  next?: string
  /** Of a dry run. */
  ids?: string[]
}

/** Who can do it: the inbox's owner, here or at the other end of a line. */
export interface MovesPort {
  /** Rejects with DISK_*, OWNER_UNREACHABLE; a step that was done and not heard of is harmless to ask again. */
  move(request: MoveRequest): Promise<MoveAnswer>
}
