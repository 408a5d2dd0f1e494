import { bodyBytesOf } from '../journal/blob-of.ts'
import type { BodyKind } from '../message.ts'
import type { Unanswered } from './answers.ts'
import type { Found } from './finder.ts'
import type { Listed } from './listing.ts'
import type { HeldState } from './steering.ts'

export interface Shown {
  state: HeldState
  messages: (Listed & {
    kind: BodyKind
    /** Empty where there is `bodyBytes`. */
    body: Buffer
    /** Of a large one: it lies in a file. */
    bodyBytes?: number
  })[]
  /** Of several shards those that could not say whether they hold one of this id, too. */
  unanswered?: Unanswered[]
}

export interface Ticked {
  id: string
  to: string
  channel: string
  dueAt: number
  firedAt: number
  error?: string
  code?: string
}

/** One held message as it is shown. */
export function shownOf({ stored }: Found): Shown['messages'][number] {
  const { id, due, sentAt, body, kind, blob } = stored
  const { to, channel, priority } = due
  const shown = { id, to, channel, priority, dueAt: due.at, sentAt, bytes: bodyBytesOf(stored), body, kind }
  return blob === undefined ? shown : { ...shown, bodyBytes: blob.bytes }
}
