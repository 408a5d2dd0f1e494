import { durationMs } from './duration.ts'

/** 9999-12-31T23:59:59.999Z: what ISO 8601 with four digits can say. */
const LAST_MS = 253_402_300_799_999
const DATE = String.raw`(\d{4})-(\d{2})-(\d{2})`
const TIME = String.raw`(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?`
const LOCAL = new RegExp(`^${DATE}(?:[T ]${TIME})?$`)
const WITH_OFFSET = new RegExp(`^${DATE}[Tt ]${TIME} ?(?:([Zz])|([+-])(\\d{2}):?(\\d{2}))$`)
const EPOCH = /^(?:@(\d{1,12})|(\d{13,15}))$/
const WORDS =
  /^(today|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday)(?: +(?:at +)?(\d{1,2}):(\d{2}))?$/
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

/** A moment as fields of a calendar; `ms` is the fraction of its second. */
interface Fields {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  ms: number
}

export interface TimeContext {
  /** Wall ms. */
  now: number
  /** IANA name; times without an offset are read in it. */
  zone: string
}

/**
 * A moment as programs and people write it, as ms since 1970:
 *
 * - a `Date`, or a whole number of ms since 1970 (also as text of 13 digits or more; `@` and digits: seconds)
 * - ISO 8601 with an offset: `2026-12-24T18:00:00Z`, `2026-12-24T18:00+01:00`
 * - without one, read in `zone`: `2014-08-01 13:30:00`, `2014-08-01T13:30`, `2014-08-01` (midnight)
 * - from now: `10m`, `in 10m`, `+2h`
 * - `now`, `today 18:00`, `tomorrow 09:00`, `friday 12:30` (the next one; without a time: midnight)
 *
 * A local time that the zone skips is read with the offset before the gap, so that it falls behind it; one that comes twice is
 * the first.
 *
 * @param name The option it was given as, for the error.
 * @throws TypeError for anything else, for dates that no calendar has, before 1970 and after 9999.
 */
export function timeMs(value: unknown, name: string, context: TimeContext): number {
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? textMs(value.trim(), context) : value
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0 && ms <= LAST_MS) return ms
  const said = typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value)
  throw new TypeError(
    `${name} must be a time from 1970 to 9999: a Date, ms since 1970, ISO 8601, '10m', 'tomorrow 09:00'; got ${said}`
  )
}

/** @throws TypeError for a name that no zone has. */
export function checkZone(zone: unknown, name: string): string {
  try {
    if (typeof zone === 'string' && zone !== '') {
      fieldsIn(0, zone)
      return zone
    }
  } catch {
    // said below
  }
  throw new TypeError(`${name} must be an IANA time zone like Europe/Berlin or UTC, got ${JSON.stringify(zone)}`)
}

function textMs(text: string, { now, zone }: TimeContext): number | undefined {
  const epoch = EPOCH.exec(text)
  if (epoch !== null) return epoch[1] === undefined ? Number(epoch[2]) : Number(epoch[1]) * 1_000
  const local = LOCAL.exec(text)
  if (local !== null) return inZone(fieldsOf(local), zone)
  const absolute = WITH_OFFSET.exec(text)
  if (absolute !== null) return withOffset(absolute)
  const lower = text.toLowerCase()
  if (lower === 'now') return now
  const words = WORDS.exec(lower)
  if (words !== null) return inZone(dayOf(words, now, zone), zone)
  const [, span] = /^(?:in +|\+)?(\d{1,12}[smhd])$/.exec(lower) ?? []
  return span === undefined ? undefined : now + durationMs(span, 'time')
}

function fieldsOf([, year, month, day, hour, minute, second, fraction]: RegExpExecArray): Fields {
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    ms: Number((fraction ?? '').padEnd(3, '0').slice(0, 3))
  }
}

function withOffset(found: RegExpExecArray): number | undefined {
  const [, , , , , , , , , sign, hours, minutes] = found
  const utc = utcMs(fieldsOf(found))
  if (sign === undefined) return utc
  if (utc === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined
  return utc - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

function dayOf([, word, hour, minute]: RegExpExecArray, now: number, zone: string): Fields {
  const today = fieldsIn(now, zone)
  const weekday = WEEKDAYS.indexOf(word!)
  const ahead = word === 'today' ? 0 : word === 'tomorrow' ? 1 : ((weekday - weekdayOf(today) + 6) % 7) + 1
  const day = new Date(Date.UTC(today.year, today.month - 1, today.day + ahead))
  return {
    year: day.getUTCFullYear(),
    month: day.getUTCMonth() + 1,
    day: day.getUTCDate(),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: 0,
    ms: 0
  }
}

function weekdayOf({ year, month, day }: Fields): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay()
}

/** Undefined for what no calendar has: 30 February, 25:00, second 60. */
function utcMs(fields: Fields): number | undefined {
  const { year, month, day, hour, minute, second, ms } = fields
  const at = new Date(0)
  at.setUTCFullYear(year, month - 1, day)
  at.setUTCHours(hour, minute, second, ms)
  const same =
    at.getUTCFullYear() === year &&
    at.getUTCMonth() === month - 1 &&
    at.getUTCDate() === day &&
    at.getUTCHours() === hour &&
    at.getUTCMinutes() === minute &&
    at.getUTCSeconds() === second
  return same ? at.getTime() : undefined
}

function inZone(fields: Fields, zone: string): number | undefined {
  const asUtc = utcMs(fields)
  if (asUtc === undefined) return undefined
  const before = asUtc - offsetMs(asUtc - 86_400_000, zone)
  const after = asUtc - offsetMs(asUtc + 86_400_000, zone)
  // The first that shows these fields on the zone's clock. In a gap none does: then by the offset before it.
  const hits = [before, after].filter(at => at + offsetMs(at, zone) === asUtc)
  return hits.length > 0 ? Math.min(...hits) : before
}

/** How far the zone's clock is ahead of UTC at that moment. */
function offsetMs(at: number, zone: string): number {
  const fields = fieldsIn(at, zone)
  return utcMs({ ...fields, ms: 0 })! - Math.floor(at / 1_000) * 1_000
}

const formats = new Map<string, Intl.DateTimeFormat>()

function fieldsIn(at: number, zone: string): Fields {
  let format = formats.get(zone)
  if (format === undefined) {
    const number = 'numeric' as const
    const fields = { year: number, month: number, day: number, hour: number, minute: number, second: number }
    format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', { timeZone: zone, hourCycle: 'h23', ...fields })
    formats.set(zone, format)
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type)!
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
    ms: 0
  }
}
