import { DroprError } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { HeldState } from './steering.ts'

/** More than any place is waited for before it is stepped over (BAD_MS), and less than whoever asks waits for an answer. */
const HELD_UP_MS_MAX = 5_000
const AGAIN_MS = 50

export interface Asking<T> {
  clock: Clock
  id: string
  /** `thorough`: finds out as well whether who wrote there is dead. */
  ask: (thorough: boolean) => Promise<{ told: T; heldUp: boolean }>
  isClosed: () => boolean
}

/**
 * Asks until it is sure: while the intake is held up at a place, what was sent for later and lies behind it is not seen, and
 * would be called unknown, and go all the same when it is due.
 *
 * @throws DroprError SCHEDULE_UNREAD
 */
export async function askUntilSure<T extends { state: HeldState }>({
  clock,
  id,
  ask,
  isClosed
}: Asking<T>): Promise<T> {
  const begun = clock.ticks()
  for (let thorough = false; ; thorough = true) {
    const { told, heldUp } = await ask(thorough)
    if (told.state !== 'unknown' || !heldUp) return told
    if (clock.ticks() - begun < HELD_UP_MS_MAX) await clock.sleep(AGAIN_MS)
    else throw unread(id)
    if (isClosed()) throw unread(id)
  }
}

function unread(id: string): DroprError {
  const what = `the scheduled message ${JSON.stringify(id)} may lie in schedule/in behind bytes that cannot be read yet`
  return new DroprError('SCHEDULE_UNREAD', what)
}
