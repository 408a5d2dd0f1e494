import type { Limits } from '../limits.ts'

/** Looks and beats in one `heartbeatMsMax`: enough that one late beat is no verdict. */
const BEATS = 10

/** How often a child says that it lives, and how often the angel looks; milliseconds. */
export function beatMs(limits: Pick<Limits, 'heartbeatMsMax'>): number {
  return Math.round(limits.heartbeatMsMax / BEATS)
}

/**
 * How long a child has been silent, as far as the angel can know.
 *
 * A look that comes late says that the angel itself stood still (stopped, starved, a machine that slept): the child's
 * beats of that time may wait unread. So one look never counts for more than two periods.
 *
 * @param look.silentMs The silence at the last look, 0 when a beat came since.
 * @param look.elapsedMs Monotonic time since the last look.
 */
export function silenceMs(
  look: { silentMs: number; elapsedMs: number },
  limits: Pick<Limits, 'heartbeatMsMax'>
): number {
  return look.silentMs + Math.min(look.elapsedMs, 2 * beatMs(limits))
}

/** Whether a child that was silent for so long is stuck: it is killed and started again. */
export function isStuck(silentMs: number, limits: Pick<Limits, 'heartbeatMsMax'>): boolean {
  return silentMs >= limits.heartbeatMsMax
}
