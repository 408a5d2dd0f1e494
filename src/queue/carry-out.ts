import { DroprError, typedError } from '../errors.ts'
import type { MoveAnswer, MoveKind, MoveRequest } from '../server/move.ts'
import type { WalkPlace } from '../spool/dead-list.ts'
import type { Clock } from '../system/clock.ts'
import { aborted } from './abort.ts'
import type { Move } from './filter-options.ts'

/** What was done, or in a dry run would be. */
export interface Moved {
  /** Too few by those of a step whose answer was lost when the inbox’s owner ended: the next one finds them done. */
  moved: number
  bytes: number
  /** How many that fit were left as they are, by the reason. */
  left: Record<string, number>
  /** `limit` ended it: give this as `after` to go on. */
  next?: string
  /** Of a dry run: the first 1,000. */
  ids?: string[]
}

export interface CarryOut {
  what: MoveKind
  move: Move
  /** In which it may have to be done. */
  channels: () => Promise<string[]>
  step: (request: MoveRequest) => Promise<MoveAnswer>
  clock: Clock
}

const STEP_MAX = 1_000
const IDS_MAX = 1_000
/** A rate is kept over stretches so long. */
const STRETCH_MS = 200

/** Where a walk is, and when it began: ages keep their meaning from page to page. */
export function placeText(place: WalkPlace, began: number): string {
  return Buffer.from(JSON.stringify([began, place.channel, place.after])).toString('base64url')
}

/** @throws TypeError when it is none. */
export function placeOf(text: string): { began: number; place: WalkPlace } {
  try {
    const [began, channel, after] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (Number.isSafeInteger(began) && typeof channel === 'string' && (after == null || typeof after === 'string'))
      return { began: began as number, place: { channel, ...(after != null && { after }) } }
  } catch {
    // As below.
  }
  throw new TypeError('after must be the next of an earlier page')
}

/** Does a move step by step, channel after channel, no faster than it may. What is done is durable, whatever ends it. */
export async function carryOut({ what, move, channels, step, clock }: CarryOut): Promise<Moved> {
  const { filter, dryRun, rate, signal, onStep } = move
  const { limit = Number.POSITIVE_INFINITY, ...wanted } = filter
  const from = move.after === undefined ? undefined : placeOf(move.after)
  const began = from?.began ?? clock.now()
  const since = clock.ticks()
  const stepMax =
    what === 'cancel'
      ? limit
      : rate === undefined
        ? STEP_MAX
        : Math.min(STEP_MAX, Math.ceil((rate * STRETCH_MS) / 1_000))
  const done: Moved = { moved: 0, bytes: 0, left: {}, ...(dryRun && { ids: [] }) }
  const all = await channels().catch((error: unknown) => {
    throw typedError(error, `look for what to ${what}`)
  })
  for (const channel of all) {
    if (filter.channels?.includes(channel) === false || (from !== undefined && channel < from.place.channel)) continue
    let after = channel === from?.place.channel ? from.place.after : undefined
    do {
      if (signal?.aborted) throw aborted(signal, what)
      if (done.moved >= limit) return { ...done, next: placeText({ channel, ...(after && { after }) }, began) }
      const max = Math.min(stepMax, limit - done.moved, Number.MAX_SAFE_INTEGER)
      const place = after === undefined ? {} : { after }
      const request = { what, channel, filter: wanted, began, max, ...place, ...(dryRun && { dryRun }) }
      const answer = await step(request)
      add(done, answer)
      onStep?.(done.moved)
      after = answer.next
      if (rate !== undefined && answer.moved > 0 && !dryRun)
        await clock.sleep(Math.max(0, since + (done.moved / rate) * 1_000 - clock.ticks()), signal)
    } while (after !== undefined)
  }
  return done
}

function add(done: Moved, { moved, bytes, left, ids = [] }: MoveAnswer): void {
  if (!Number.isSafeInteger(moved))
    throw new DroprError('OWNER_UNREACHABLE', 'the owner of the inbox is of another version')
  done.moved += moved
  done.bytes += bytes
  for (const [reason, count] of Object.entries(left)) done.left[reason] = (done.left[reason] ?? 0) + count
  if (done.ids !== undefined && done.ids.length < IDS_MAX) done.ids.push(...ids.slice(0, IDS_MAX - done.ids.length))
}
