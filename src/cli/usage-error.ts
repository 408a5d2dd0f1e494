/** What the person at the shell asked for makes no sense: exit code 2, the text, and where to read on. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The value of `make`; a TypeError (the library's word for a bad argument) becomes a usage error. */
export function usage<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}
