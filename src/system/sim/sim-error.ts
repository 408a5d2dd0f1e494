import { systemError } from '../node-calls.ts'

/** As `systemError`, without a stack, which errors of the system have none of either: a simulated disk makes thousands. */
export function simError(code: string, text: string, cause?: unknown): NodeJS.ErrnoException {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return systemError(code, text, cause)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
