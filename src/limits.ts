import { LIMITS, type LimitRow } from './limit-rows.ts'

export { LIMITS, type LimitRow }

export type LimitName = keyof typeof LIMITS
export type Limits = Readonly<Record<LimitName, number>>

/** Those that a channel may have numbers of its own for. */
export const CHANNEL_LIMITS = [
  'leaseMs',
  'attemptsMax',
  'attemptMsMin',
  'attemptMsMax',
  'handOutsPerSecondMax',
  'leasedMax',
  'emptyMsMax'
] as const satisfies readonly LimitName[]

/** How the messages of a channel are handed out, and when it goes away. */
export type ChannelPolicy = Pick<Limits, (typeof CHANNEL_LIMITS)[number]>

export const DEFAULT_LIMITS: Limits = Object.freeze(
  Object.fromEntries(Object.entries(LIMITS).map(([name, row]) => [name, row.default])) as Record<LimitName, number>
)

/**
 * The defaults with `changes` on top. Throws a TypeError that names a limit which does not exist or is out of its range; never clamps.
 *
 * @param where How the error names the place: `<where>.leaseMs`.
 */
export function limitsFrom(changes: Readonly<Record<string, unknown>>, where = 'limits'): Limits {
  const limits: Record<LimitName, number> = { ...DEFAULT_LIMITS }
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(LIMITS, name)) throw new TypeError(`${where}.${name} is not a limit`)
    const row: LimitRow = LIMITS[name as LimitName]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < row.min || value > row.max) {
      throw new TypeError(`${where}.${name} must be a whole number from ${row.min} to ${row.max}, got ${String(value)}`)
    }
    limits[name as LimitName] = value
  }
  return limits
}
