import { createHash } from 'node:crypto'
import type { SimClock } from '../../src/system/sim/index.ts'

const LINES_MAX = 4_000

/** What happened, line by line: a hash of all, and the latest lines for who must find out why. */
export class Trace {
  lines = 0
  readonly #clock: SimClock
  readonly #hash = createHash('sha256')
  readonly #last: string[] = []
  readonly #tell: ((line: string) => void) | undefined

  constructor(clock: SimClock, tell?: (line: string) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  note(text: string): void {
    // The real process's number is in what locks say.
    const line = `${this.#clock.ticks().toFixed(3)} ${text.replace(/\bprocess \d+/g, 'process')}`
    this.lines++
    this.#hash.update(line)
    this.#tell?.(line)
    this.#last.push(line)
    if (this.#last.length > LINES_MAX * 2) this.#last.splice(0, LINES_MAX)
  }

  /** The latest lines that hold any of `words`. */
  about(words: readonly string[], linesMax: number): string[] {
    return this.#last.filter(line => words.some(word => line.includes(word))).slice(-linesMax)
  }

  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}
