const GAP = '  '

/** Rows as aligned columns, a line each. What terminals would obey is made visible. */
export function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map(row => row.map(printable))
  const widths: number[] = []
  for (const row of cells) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, terminalWidth(cell))
  }
  const padded = (cell: string, width: number) => cell + ' '.repeat(width - terminalWidth(cell))
  const line = (row: string[]) => row.map((cell, i) => padded(cell, widths[i]!)).join(GAP)
  return cells.map(row => line(row).trimEnd()).join('\n')
}

const PLAIN = /^[ -~]*$/
/** Nothing of its own: accents that were typed apart from their letters. */
const NARROW = /\p{Mn}|\p{Me}/u
/** Two columns of a terminal. */
const WIDE =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|[\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u

/** How many columns of a terminal a printable text takes. */
export function terminalWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let columns = 0
  for (const character of text) columns += NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return columns
}

/** Text from elsewhere with control characters written out: a name or an error may hold what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, character => {
    return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`
  })
}

/** Milliseconds as a person says them: `850 ms`, `12 s`, `3 min 5 s`, `2 h 4 min`, `3 d 1 h`. */
export function humanMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const parts: [number, string][] = [
    [Math.floor(ms / 86_400_000), 'd'],
    [Math.floor(ms / 3_600_000) % 24, 'h'],
    [Math.floor(ms / 60_000) % 60, 'min'],
    [Math.floor(ms / 1_000) % 60, 's']
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}

const UNITS: readonly [ms: number, unit: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's']
]

/** The same for the head of a column, exact: `5s`, `160s`, `2m`, `3h`, `1500ms`. */
export function shortMs(ms: number): string {
  const [size, unit] = UNITS.find(([whole]) => ms % whole === 0) ?? [1, 'ms']
  return `${ms / size}${unit}`
}
