const DAY_MS = 86_400_000
const DIGITS = Array.from({ length: 1_000 }, (_, n) => String(n))
const TWO = DIGITS.slice(0, 60).map(digits => digits.padStart(2, '0'))
const THREE = DIGITS.map(digits => digits.padStart(3, '0'))

/** The day of the last one, and how it is written: most follow one of the same day. */
let last = { day: Number.NaN, text: '' }

/**
 * `new Date(ms).toISOString()`, which takes longer than all else that sending a message for later does.
 *
 * @param ms Whole, since the Unix epoch; as far as a Date goes.
 */
export function isoTime(ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  if (day !== last.day) {
    const text = new Date(ms).toISOString()
    last = { day, text: text.slice(0, text.indexOf('T') + 1) }
  }
  const inDay = ms - day * DAY_MS
  const seconds = Math.floor(inDay / 1_000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  return `${last.text}${TWO[hours]}:${TWO[minutes - hours * 60]}:${TWO[seconds - minutes * 60]}.${THREE[inDay - seconds * 1_000]}Z`
}
