import type { ReadStream, WriteStream } from 'node:tty'

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[H\u001b[2J'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const TO_END_OF_LINE = '\u001b[K'
const TO_END_OF_SCREEN = '\u001b[J'
const CTRL_C = '\u0003'
const CTRL_Z = '\u001a'

export interface ScreenOptions {
  stdin: Pick<ReadStream, 'isTTY' | 'on' | 'off' | 'resume' | 'pause'> & Partial<Pick<ReadStream, 'setRawMode'>>
  stdout: Pick<WriteStream, 'write' | 'columns' | 'rows' | 'on' | 'off'>
  /** Signals to this process; the real one is `process`. */
  process: Pick<NodeJS.Process, 'on' | 'off' | 'kill' | 'pid'>
  onKey: (key: string) => void
  /** The size changed, or we are back in the foreground: draw again. */
  onStale: () => void
  /** Ctrl-C, SIGTERM, SIGHUP: end. */
  onEnd: () => void
}

/**
 * The whole screen of a terminal, until `close`. What was there before comes back then, also when the process is told to end,
 * is stopped by Ctrl-Z, or fails.
 */
export class Screen {
  readonly #options: ScreenOptions
  readonly #undo: (() => void)[] = []
  #shown = false

  constructor(options: ScreenOptions) {
    this.#options = options
    const { stdin, stdout, process: signals, onEnd, onStale } = options
    this.#listen(signals, ['SIGINT', 'SIGTERM', 'SIGHUP'], onEnd)
    this.#listen(signals, ['SIGTSTP'], () => this.#suspend())
    this.#listen(signals, ['SIGCONT'], () => {
      this.#enter()
      onStale()
    })
    // The last thing that happens, whatever went wrong.
    this.#listen(signals, ['exit'], () => this.#leave())
    this.#listen(stdout, ['resize'], onStale)
    this.#listen(stdin, ['data'], chunk => this.#keys(String(chunk)))
    this.#enter()
  }

  get size(): { columns: number; lines: number } {
    const { columns, rows } = this.#options.stdout
    // Some that call themselves a terminal have no size.
    return { columns: columns > 0 ? columns : 80, lines: rows > 0 ? rows : 24 }
  }

  /** Puts these lines in place of what is shown; without flicker, since nothing is cleared before it is written over. */
  draw(lines: readonly string[]): void {
    if (!this.#shown) return
    this.#options.stdout.write(`${HOME}${lines.map(line => line + TO_END_OF_LINE).join('\r\n')}${TO_END_OF_SCREEN}`)
  }

  close(): void {
    this.#leave()
    for (const undo of this.#undo.splice(0)) undo()
  }

  #enter(): void {
    if (this.#shown) return
    const { stdin, stdout } = this.#options
    this.#shown = true
    if (stdin.isTTY) stdin.setRawMode?.(true)
    stdin.resume()
    stdout.write(ENTER)
  }

  #leave(): void {
    if (!this.#shown) return
    const { stdin, stdout } = this.#options
    this.#shown = false
    stdout.write(LEAVE)
    if (stdin.isTTY) stdin.setRawMode?.(false)
    stdin.pause()
  }

  /** Gives the terminal back, then really stops: SIGTSTP itself is taken by us. */
  #suspend(): void {
    const { process: signals } = this.#options
    this.#leave()
    signals.kill(signals.pid, 'SIGSTOP')
  }

  #keys(typed: string): void {
    for (const key of typed) {
      if (key === CTRL_C) this.#options.onEnd()
      else if (key === CTRL_Z) this.#suspend()
      else this.#options.onKey(key)
    }
  }

  #listen(on: object, names: readonly string[], callback: (given: unknown) => void): void {
    const emitter = on as NodeJS.EventEmitter
    for (const name of names) {
      emitter.on(name, callback)
      this.#undo.push(() => emitter.off(name, callback))
    }
  }
}
