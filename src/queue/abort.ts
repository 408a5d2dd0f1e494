import { DroprError } from '../errors.ts'

export function aborted(signal: AbortSignal, what: string): DroprError {
  return new DroprError('ABORTED', `${what} was aborted`, signal.reason)
}

/** Rejects with ABORTED as soon as `signal` aborts; what was begun goes on. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(aborted(signal, what))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
