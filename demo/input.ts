import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** What the demo carries: the lines of one text file. A line is everything between two newlines, so that they join to the same bytes. */
export interface Input {
  /** For people: what the text is. */
  title: string
  lines: string[]
}

export const LINES_MIN = 50_000

/** The manuals of the packages which `npm ci` installed, in the order of their names: plain text that every checkout has. */
export function manuals(root: string, linesMin: number): string {
  const files = markdownBelow(path.join(root, 'node_modules'))
  let text = ''
  let lines = 0
  for (const file of files) {
    if (linesMin < LINES_MIN && lines >= linesMin) break
    const manual = readFileSync(file, 'utf8')
    text += manual.endsWith('\n') ? manual : `${manual}\n`
    lines += manual.split('\n').length
  }
  return text
}

function markdownBelow(folder: string): string[] {
  const found = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return found.flatMap(entry => {
    const below = path.join(folder, entry.name)
    if (entry.isDirectory()) return markdownBelow(below)
    return entry.isFile() && /\.md$/i.test(entry.name) ? [below] : []
  })
}

/** Reads the lines to send from `file`, or first writes the manuals to `writeTo`. */
export function readInput(options: { root: string; file?: string; writeTo: string; linesMin: number }): Input {
  if (!options.file) writeFileSync(options.writeTo, manuals(options.root, options.linesMin))
  const lines = readFileSync(options.file ?? options.writeTo, 'utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  if (lines.length < options.linesMin) {
    throw new Error(`the demo wants a text of at least ${options.linesMin} lines, this one has ${lines.length}`)
  }
  return { title: options.file ?? 'the manuals of the packages npm just installed', lines }
}
