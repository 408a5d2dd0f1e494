import type { Range } from '../spool/range.ts'
import type { UploadRequest } from '../wire/upload.ts'

const NO_ENTRIES = Buffer.alloc(0)

/** A range as its peer gets it: its entries, or the open statement that there will be none. */
export function uploadRequest(
  about: Omit<UploadRequest, 'from' | 'skip' | 'entries' | 'whole'>,
  range: Range
): UploadRequest {
  const { from } = range
  if (range.skip === undefined) return { ...about, from, entries: range.entries, whole: true }
  return { ...about, from, skip: { from, to: range.to, reason: range.skip }, entries: NO_ENTRIES, whole: true }
}
