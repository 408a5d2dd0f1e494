/** What the demo shows: events as lines, and below them one line that changes in place (a plain line every few seconds when this is no terminal). */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #live: boolean
  readonly #startedAt = performance.now()
  #plainAt = 0
  #shown = ''

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#live = out.isTTY === true && process.env.TERM !== 'dumb'
  }

  get columns(): number {
    return this.#out.columns ?? 100
  }

  paint(style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string): string {
    if (!this.#live || process.env.NO_COLOR) return text
    const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }
    return `\u001b[${codes[style]}m${text}\u001b[0m`
  }

  line(text = ''): void {
    if (this.#shown) this.#out.write('\r\u001b[2K')
    this.#out.write(`${text}\n`)
    if (this.#shown) this.#out.write(this.#shown)
  }

  /** One line, with the second it happened. */
  event(text: string): void {
    this.line(`  ${this.paint('dim', this.seconds().padStart(5))}  ${text}`)
  }

  seconds(): string {
    return ((performance.now() - this.#startedAt) / 1000).toFixed(1)
  }

  progress(text: string, everyMs = 2_000): void {
    if (this.#live) {
      this.#shown = text
      this.#out.write(`\r\u001b[2K${text}`)
    } else if (performance.now() - this.#plainAt >= everyMs) {
      this.#plainAt = performance.now()
      this.event(text.trim())
    }
  }

  /** The changing line is gone; what comes next starts at its place. */
  endProgress(): void {
    if (this.#shown) this.#out.write('\r\u001b[2K')
    this.#shown = ''
  }
}

export function bar(share: number, width: number): string {
  const full = Math.min(width, Math.max(0, Math.round(share * width)))
  return '█'.repeat(full) + '░'.repeat(width - full)
}

export const count = (n: number): string => n.toLocaleString('en-US')
