import { blobOf, hasBlob } from '../journal/blob-of.ts'
import type { ArrivingRange, Refusal } from './arriving.ts'
import type { BlobIntake } from './blob-intake.ts'

/**
 * The range as it can be taken: messages whose large body can never be taken are refused with it.
 *
 * @param next Below it all is here, whatever has become of it.
 * @throws DroprError BLOB_MISSING while a body is not here; DISK_*
 */
export async function withBlobs(
  range: ArrivingRange,
  next: number,
  blobs: Pick<BlobIntake, 'refusal'> | undefined
): Promise<ArrivingRange> {
  const { entries, offsets, from, channel, stream, refused = [] } = range
  const more: Refusal[] = []
  for (let i = Math.max(0, next - from); i + 1 < offsets.length; i++) {
    if (!hasBlob(entries, offsets[i]!) || refused.some(({ at }) => at === from + i)) continue
    const { bytes, sha256 } = blobOf(entries, offsets[i]!)!
    const owner = { channel, stream, position: from + i }
    const error = await blobs?.refusal(owner, { total: bytes, sha256 })
    if (error === undefined && blobs !== undefined) continue
    if (error?.code === 'BLOB_MISSING') throw error
    const { code = 'MESSAGE_TOO_LARGE', message = 'large bodies are not taken here' } = error ?? {}
    more.push({ at: from + i, id: '', code, detail: message })
  }
  if (more.length === 0) return range
  return { ...range, refused: [...refused, ...more].sort((a, b) => a.at - b.at) }
}

/** Whether a body of any message in it lies in a file of its own: nearly always not. */
export function anyBlob({ entries, offsets, skip }: ArrivingRange): boolean {
  if (skip !== undefined) return false
  for (let i = 0; i + 1 < offsets.length; i++) if (hasBlob(entries, offsets[i]!)) return true
  return false
}
