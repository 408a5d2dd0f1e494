import { ABOUT_QUESTION } from './lock-holder.ts'
import type { Line } from './sockets.ts'

/** What a line may say before its owner takes it: a client that talks to a holder still starting up waits, within reason. */
const WAITING_LINES_MAX = 1_000

/**
 * Where callers of a lock's socket arrive: answers who holds it, and passes on every line on which something else is said.
 *
 * A line that only asked is never seen by the owner: those are contenders and `status`, many and short.
 */
export class LockDesk {
  /** Told with the answer; 0 while the lock is still being taken. */
  epoch = 0
  readonly #about: unknown
  #onConnection: ((line: Line) => void) | undefined
  #waiting: (() => void)[] = []

  constructor(about: unknown) {
    this.#about = about
  }

  get onConnection(): (line: Line) => void {
    return this.#onConnection ?? (() => undefined)
  }

  set onConnection(callback: (line: Line) => void) {
    this.#onConnection = callback
    for (const pass of this.#waiting.splice(0)) pass()
  }

  connected(line: Line): void {
    line.onEnd = () => undefined
    line.onMessage = text => {
      if (text === ABOUT_QUESTION) line.send(JSON.stringify({ about: this.#about ?? null, epoch: this.epoch }))
      else this.#pass(line, text)
    }
  }

  #pass(line: Line, first: string): void {
    const early = [first]
    line.onMessage = text => early.push(text)
    const pass = () => {
      this.#onConnection?.(line)
      for (const text of early.splice(0)) line.onMessage(text)
    }
    if (this.#onConnection) pass()
    else if (this.#waiting.push(pass) > WAITING_LINES_MAX) line.end()
  }
}
