import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'

/**
 * A file that a person named, from its beginning to its end: links are followed, pipes and devices are read.
 * Not for the spool: see Files. Rejects with ENOENT, EACCES, ...; EISDIR comes with the first read.
 */
export async function openInput(path: string): Promise<Readable> {
  const file = await open(path, 'r')
  return file.createReadStream()
}
