import { ERRORS, type ErrorRow } from './error-rows.ts'

export { ERRORS, type ErrorRow }

export type ErrorCode = keyof typeof ERRORS

/** The one error class. What the caller did wrong in code (an unknown option, a bad type) is a TypeError instead. */
export class DroprError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, text: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause })
    this.name = 'DroprError'
    this.code = code
  }

  get retry(): boolean {
    return ERRORS[this.code].retry
  }

  get hint(): string {
    return ERRORS[this.code].hint
  }
}

const SYSTEM_CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EFBIG: 'DISK_FULL',
  EROFS: 'DISK_READ_ONLY',
  EACCES: 'DISK_ACCESS',
  EPERM: 'DISK_ACCESS',
  ENAMETOOLONG: 'DISK_ACCESS',
  EMFILE: 'FILES_EXHAUSTED',
  ENFILE: 'FILES_EXHAUSTED',
  EIO: 'DISK_ERROR'
}

/** What a call on the disk may reject with, typed; anything else, a mistake in our code too, stays what it is. */
export function typedError(error: unknown, doing: string): unknown {
  return systemCode(error) === undefined ? error : diskError(error, doing)
}

/** The `code` of a Node.js system error, if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** A failed call on the disk as a typed error; keeps the cause. What is already typed stays as it is. */
export function diskError(error: unknown, doing: string): DroprError {
  if (error instanceof DroprError) return error
  const code = SYSTEM_CODES[systemCode(error) ?? ''] ?? 'DISK_ERROR'
  return new DroprError(code, `${doing}: ${error instanceof Error ? error.message : String(error)}`, error)
}
