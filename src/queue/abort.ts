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

/** A signal that aborts when either does; `stop` lets go of both. */
export function endingWith(
  closing: AbortSignal,
  signal: AbortSignal | undefined
): { signal: AbortSignal; stop: () => void } {
  if (signal === undefined) return { signal: closing, stop: () => undefined }
  const both = new AbortController()
  const sources = [signal, closing]
  const end = () => both.abort(signal.reason)
  for (const source of sources) {
    if (source.aborted) end()
    source.addEventListener('abort', end, { once: true })
  }
  const stop = () => {
    for (const source of sources) source.removeEventListener('abort', end)
  }
  return { signal: both.signal, stop }
}

export function closedError(): DroprError {
  return new DroprError('CLOSED', 'the queue is closed')
}
