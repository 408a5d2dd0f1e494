import type { ChildExit } from '../system/child.ts'

/** What becomes of a message after its command has ended. */
export type WorkVerdict =
  | { verdict: 'ack' }
  | { verdict: 'release' }
  | { verdict: 'retry'; reason: string }
  /** The command cannot be run at all: no message is to blame. */
  | { verdict: 'stop'; error: Error }

/** sysexits.h: a temporary failure, try again later. */
export const TRY_LATER = 75

/** @param tail The end of what it wrote to stderr. @param stopping We told it to end. */
export function verdictOf(exit: ChildExit, { tail, stopping }: { tail: string; stopping: boolean }): WorkVerdict {
  if (exit.error !== undefined) return { verdict: 'stop', error: exit.error }
  if (exit.code === 0) return { verdict: 'ack' }
  if (exit.code === TRY_LATER || stopping) return { verdict: 'release' }
  const how = exit.signal === undefined ? `exit code ${exit.code}` : `ended by ${exit.signal}`
  return { verdict: 'retry', reason: tail === '' ? how : `${how}: ${tail}` }
}

/** The last bytes of a stream, as text of one message. */
export class Tail {
  #bytes = Buffer.alloc(0)
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#bytesMax)
  }

  get text(): string {
    return this.#bytes.toString().trim()
  }
}
