const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000]
])

/**
 * A span of time as people write it: `'10s'`, `'5m'`, `'2h'`, `'1d'`, or a whole number of milliseconds.
 *
 * @param name The option it was given as, for the error.
 * @returns Milliseconds, whole, at least 0.
 * @throws TypeError for anything else; never rounds, never clamps.
 */
export function durationMs(value: unknown, name: string): number {
  const ms = typeof value === 'string' ? textMs(value) : value
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0) return ms
  const said = typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value)
  throw new TypeError(`${name} must be whole milliseconds or a text like '10s', '5m', '2h', '1d', got ${said}`)
}

function textMs(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,12})([smhd])$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * UNIT_MS.get(unit!)!
}
