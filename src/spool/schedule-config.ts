import { durationMs } from '../duration.ts'
import { checkZone } from '../time-input.ts'

/** A row of buckets of one length. */
export interface Level {
  /** The folder below schedule/: `a-z`, 1 to 20. */
  name: string
  lengthMs: number
}

/** How messages for later are kept, and how times are read. Only what was said is there. */
export interface ScheduleConfig {
  /** From coarse to fine. */
  levels?: readonly Level[]
  /** Schedules side by side, each worked on by one process. */
  shards?: number
  /** IANA name; times without an offset are read in it. */
  zone?: string
}

export interface Schedules {
  levels: readonly Level[]
  shards: number
  zone: () => string
}

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

export const LEVELS: readonly Level[] = [
  { name: 'day', lengthMs: DAY_MS },
  { name: 'hour', lengthMs: HOUR_MS },
  { name: 'minute', lengthMs: MINUTE_MS }
]
export const SHARDS_MAX = 64

/** Folders below schedule/ that are no levels. */
const TAKEN = new Set(['in', 'marks', 'blobs'])
const LEVELS_MAX = 8

/** @throws TypeError unless the levels go from long to short, each a whole number of the next. */
export function checkLevels(levels: readonly Level[]): readonly Level[] {
  if (levels.length < 1 || levels.length > LEVELS_MAX)
    throw new TypeError(`levels must be 1 to ${LEVELS_MAX}, got ${levels.length}`)
  levels.forEach(({ name, lengthMs }, i) => {
    if (!/^[a-z]{1,20}$/.test(name) || TAKEN.has(name) || levels.findIndex(level => level.name === name) !== i)
      throw new TypeError(`levels[${i}].name must be 1 to 20 letters a-z, used once, not in, marks or blobs: ${name}`)
    if (!Number.isSafeInteger(lengthMs) || lengthMs < SECOND_MS || lengthMs > 366 * DAY_MS)
      throw new TypeError(`levels[${i}].lengthMs must be from ${SECOND_MS} to ${366 * DAY_MS}, got ${lengthMs}`)
    const longer = levels[i - 1]
    if (longer !== undefined && (longer.lengthMs <= lengthMs || longer.lengthMs % lengthMs !== 0))
      throw new TypeError(`levels[${i}].lengthMs must divide ${longer.lengthMs} and be shorter, got ${lengthMs}`)
  })
  return levels
}

/** All of it, with the defaults. The zone is asked for when it is needed. */
export function scheduleOf(config: { schedule?: ScheduleConfig }): Schedules {
  const { levels = LEVELS, shards = 1, zone } = config.schedule ?? {}
  let known = zone
  return { levels, shards, zone: () => (known ??= machineZone()) }
}

/** `{ "day": "1d", "hour": "1h" }`: name and length, in any order. */
export function parseLevels(given: ReadonlyMap<string, unknown>): readonly Level[] {
  const levels = [...given].map(([name, length]) => ({ name, lengthMs: durationMs(length, `schedule.levels.${name}`) }))
  try {
    return checkLevels(levels.sort((a, b) => b.lengthMs - a.lengthMs))
  } catch (error) {
    throw new TypeError(
      `schedule.levels must divide each other: ${error instanceof Error ? error.message : String(error)}`
    )
  }
}

/** Numbers also as text, as the environment has them. */
export function parseShards(given: unknown): number {
  const shards = typeof given === 'string' && /^\d{1,2}$/.test(given) ? Number(given) : given
  if (typeof shards === 'number' && Number.isInteger(shards) && shards >= 1 && shards <= SHARDS_MAX) return shards
  throw new TypeError(`schedule.shards must be a whole number from 1 to ${SHARDS_MAX}, got ${JSON.stringify(given)}`)
}

export function parseZone(given: unknown): string {
  return checkZone(given, 'schedule.zone')
}

/** The first time it loads what is known of all zones: 20 ms, a tenth of what it takes to open a queue. */
function machineZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}
