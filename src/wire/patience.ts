import { setMaxListeners } from 'node:events'
import type { Deadlines } from './deadlines.ts'
import { uploadFailure } from './upload-failure.ts'

/**
 * How long one try of an upload may take: until its caller gives up or, once its body has been sent, a set time for what
 * comes next. There is no limit for the whole: a body that moves may take its time.
 */
export class Patience {
  readonly #deadlines: Deadlines
  readonly #given: AbortSignal
  readonly #gone = new AbortController()
  #what = ''
  #ms = 0

  constructor(deadlines: Deadlines, given: AbortSignal) {
    this.#deadlines = deadlines
    this.#given = given
    // One signal may stop many uploads.
    setMaxListeners(0, given)
    if (given.aborted) this.#abort()
    else given.addEventListener('abort', this.#abort)
  }

  /** Aborts with an UploadFailure as its reason. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** From now on `what` may take `ms`; replaces what was waited for before. */
  await(what: string, ms: number): void {
    this.#what = what
    this.#ms = ms
    this.#deadlines.set(this, ms)
  }

  /** Ends the waiting. */
  close(): void {
    this.#deadlines.clear(this)
    this.#given.removeEventListener('abort', this.#abort)
  }

  readonly late = (): void => {
    this.#gone.abort(uploadFailure('PEER_TIMEOUT', `${this.#what} took more than ${this.#ms} ms`))
  }

  readonly #abort = (): void => this.#gone.abort(uploadFailure('ABORTED', 'the upload was given up'))
}
