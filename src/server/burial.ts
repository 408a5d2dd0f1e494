import type { FailedAttempt } from './pieces.ts'

/** A message that is given up. Its origin, stream and position are its identity: one buried twice is recognised. */
export interface DeadLetter {
  /** The whole entry as it came. */
  entry: Buffer
  origin: string
  node: string
  stream: string
  position: number
  priority: number
  reason: string
  /** Its consumer said that trying again is no use. */
  rejected: boolean
  attempts: readonly FailedAttempt[]
  /** Wall ms. */
  receivedAt: number
}

/** Puts messages among the dead letters of a channel. Resolves when synced. */
export type Bury = (channel: string, letters: DeadLetter[]) => Promise<void>

/** What the letter of a message is called that could not be read any more: there is nothing else in it. */
export function unreadableId({ stream, position }: { stream: string; position: number }): string {
  return `damaged ${stream} ${position}`
}
