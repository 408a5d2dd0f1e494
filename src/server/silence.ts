import { DroprError } from '../errors.ts'

/** An owner that takes calls and answers none. */
export class Silence extends DroprError {
  constructor(ms: number) {
    super('OWNER_UNREACHABLE', `the process that owns the inbox has not answered for ${Math.round(ms)} ms`)
  }
}

/** Whether somebody else may own the inbox now. */
export function isGone(error: unknown): boolean {
  return error instanceof DroprError && (error.code === 'OWNER_UNREACHABLE' || error.code === 'CLOSED')
}

export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new DroprError('ABORTED', 'nobody waits for messages any more'))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
