import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'

/**
 * A file that a person named, from its beginning to its end: links are followed, pipes and devices are read.
 * Not for the spool: see Files. Errors (ENOENT, EISDIR, ...) come with the first read.
 */
export function openInput(path: string): Readable {
  return createReadStream(path)
}
