/** What node:fs calls when it has finished. */
export type Back<T> = (error: NodeJS.ErrnoException | null, value: T) => void

/** A callback call as a promise. By hand: `util.promisify` costs more than the promise. */
export function call<T>(start: (back: Back<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error) reject(error)
      else resolve(value)
    })
  })
}

/** As `call`, for what gives nothing back. */
export function done(start: (back: (error?: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start(error => {
      if (error) reject(error)
      else resolve()
    })
  })
}

/** An error as the system would give it, for what only we can see (a short count, a changed inode). */
export function systemError(code: string, text: string, cause?: unknown): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${text}`, cause === undefined ? undefined : { cause })
  error.code = code
  return error
}
