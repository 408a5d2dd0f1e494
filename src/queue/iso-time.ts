const DAY_MS = 86_400_000
const TWO = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
/** Few pieces: each that is put to the others is memory of its own. */
const MINUTES = Array.from({ length: 1_440 }, (_, n) => `${TWO[Math.floor(n / 60)]}:${TWO[n % 60]}:`)
const SECONDS = TWO.map(second => `${second}.`)
const MILLISECONDS = Array.from({ length: 1_000 }, (_, n) => `${String(n).padStart(3, '0')}Z`)

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
  return last.text + MINUTES[minutes] + SECONDS[seconds - minutes * 60] + MILLISECONDS[inDay - seconds * 1_000]
}
