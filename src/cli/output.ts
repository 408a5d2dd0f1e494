import type { WriteStream } from 'node:tty'
import { systemCode } from '../errors.ts'

/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80
const CLEAR_LINE = '\u001b[K'

/** Whoever read our output went away, as `head` does. Not an error of ours, but what was not written was not taken. */
export class PipeClosedError extends Error {
  override readonly name = 'PipeClosedError'
}

/** The two streams of a command: results to one, words for a person to the other. */
export class Output {
  readonly json: boolean
  readonly #stdout: NodeJS.WritableStream
  readonly #stderr: NodeJS.WritableStream
  /** A bar stands in the last line of the terminal. */
  #drawn = false

  constructor(streams: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream }, options: { json: boolean }) {
    this.#stdout = streams.stdout
    this.#stderr = streams.stderr
    this.json = options.json
    // `write` reports failures; without a listener they would end the process first.
    this.#stdout.on('error', () => undefined)
    this.#stderr.on('error', () => undefined)
  }

  /** stderr is a terminal, and a person looks at it: a bar may be drawn there. */
  get drawable(): boolean {
    return !this.json && (this.#stderr as Partial<WriteStream>).isTTY === true
  }

  /** How wide the terminal is. */
  get columns(): number {
    return (this.#stderr as Partial<WriteStream>).columns ?? COLUMNS
  }

  /** Puts one line in place of the one drawn before, on stderr; nothing takes it away. Whatever is printed replaces it. */
  draw(line: string): void {
    if (line === '' && !this.#drawn) return
    this.#stderr.write(`\r${CLEAR_LINE}${line}`)
    this.#drawn = line !== ''
  }

  /** Resolves when the system has taken the bytes. @throws PipeClosedError */
  write(bytes: string | Uint8Array): Promise<void> {
    if ((this.#stdout as Partial<WriteStream>).isTTY) this.draw('')
    return new Promise((resolve, reject) => {
      this.#stdout.write(bytes, error => {
        if (!error) return resolve()
        reject(systemCode(error) === 'EPIPE' ? new PipeClosedError('stdout was closed', { cause: error }) : error)
      })
    })
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** One JSON value, one line. */
  value(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value))
  }

  /** To stderr. Never fails: a closed terminal must not end the work. */
  note(text: string): void {
    this.draw('')
    this.#stderr.write(`${text}\n`)
  }
}
