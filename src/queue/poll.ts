import type { Clock } from '../system/clock.ts'
import type { HeldMessage } from './held-message.ts'
import type { Intake } from './intake.ts'

/** One claim waits so long at most; a longer wait is several. */
const CLAIM_MS_MAX = 60_000

export interface PollRequest {
  channels: string[]
  leaseMs: number | undefined
  waitMs: number
  max: number
  bytesMax: number
}

/** Up to `max` messages; waits until there is one. Rejects with ABORTED when `signal` aborts. */
export async function pollMessages(
  intake: Intake,
  clock: Clock,
  request: PollRequest,
  signal: AbortSignal
): Promise<HeldMessage[]> {
  const { channels, leaseMs, max, bytesMax } = request
  const until = clock.ticks() + request.waitMs
  for (let waitMs = request.waitMs; ; waitMs = until - clock.ticks()) {
    const claim = {
      channels,
      leaseMs,
      max,
      bytesMax,
      waitMs: Math.min(Math.max(Math.ceil(waitMs), 0), CLAIM_MS_MAX)
    }
    const batch = await intake.take(claim, signal)
    const messages: HeldMessage[] = []
    for (let message = batch?.next(); message !== undefined; message = batch?.next()) messages.push(message)
    // A claim may hold nothing but damaged or expired messages: there may be more behind them.
    if (messages.length > 0 || (batch === undefined && clock.ticks() >= until)) return messages
  }
}
