import type { DroprError } from '../errors.ts'
import { diskError } from '../errors.ts'

/** What goes wrong again and again, and since when. */
export interface Failing {
  /** Wall ms. */
  since: number
  code: string
  text: string
}

/** Remembers since when something fails, until it works again. */
export class Trouble {
  failing: Failing | undefined

  /** @returns The error, typed. */
  failed(error: unknown, context: { now: number; doing: string }): DroprError {
    const typed = diskError(error, context.doing)
    this.failing = { since: this.failing?.since ?? context.now, code: typed.code, text: typed.message }
    return typed
  }

  worked(): void {
    this.failing = undefined
  }
}
