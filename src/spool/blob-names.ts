import { systemCode } from '../errors.ts'
import { parseSegmentName } from '../journal/segment-names.ts'
import type { Files } from '../system/files.ts'

/*
 * A body that is too large for an entry is a file beside the segment of its message. Its name says whose it is:
 *
 *   outbox/…   <writer>-<id>.blob                         `id` stands in the entry: its place is not known before
 *   schedule/…/in/      the same
 *   schedule/…/blobs/   <id>-<hash of the message's id>.blob   by which the messages that are held are found
 *   inbox/…    <stream>-<position>-<sha256>.blob          what a message is called for ever, wherever its bytes are copied
 *   dead/…     the same
 *
 * `.part` instead of `.blob`: not all of it is there, or not yet checked. In a name are only hexadecimal digits and numbers,
 * so that nothing from the network names a file.
 */

/** A message, by where it is in its stream, and what its body must be. */
export interface BlobPlace {
  stream: string
  position: number
  sha256: string
}

const SENT = /^([a-z0-9]{1,32})-([0-9a-f]{16})\.blob$/
const HELD = /^([0-9a-f]{16})-([0-9a-f]{8})([0-9a-f]{8})\.(blob|part)$/
const PLACED = /^([0-9a-f]{32})-(0|[1-9][0-9]{0,14})-([0-9a-f]{64})\.(blob|part)$/

export function sentBlobPath(folder: string, writer: string, id: string): string {
  return `${folder}/${writer}-${id}.blob`
}

/** The blob of an entry in a segment of the outbox; undefined for a file that is no segment. */
export function blobBesideSegment(segment: string, id: string): string | undefined {
  const cut = segment.lastIndexOf('/')
  const name = parseSegmentName(segment.slice(0, cut), segment.slice(cut + 1))
  return name && sentBlobPath(segment.slice(0, cut), name.writer, id)
}

export function placedBlobPath(folder: string, { stream, position, sha256 }: BlobPlace): string {
  return `${folder}/${stream}-${position}-${sha256}.blob`
}

export function partPath(blob: string): string {
  return `${blob.slice(0, -'.blob'.length)}.part`
}

export interface SentBlob {
  path: string
  writer: string
  id: string
}

export interface PlacedBlob extends BlobPlace {
  path: string
  /** All of it is there, checked. */
  whole: boolean
}

export function parseSentBlob(folder: string, name: string): SentBlob | undefined {
  const parts = SENT.exec(name)
  return parts === null ? undefined : { path: `${folder}/${name}`, writer: parts[1]!, id: parts[2]! }
}

export function parsePlacedBlob(folder: string, name: string): PlacedBlob | undefined {
  const [, stream, position, sha256, end] = PLACED.exec(name) ?? []
  if (stream === undefined) return undefined
  return {
    path: `${folder}/${name}`,
    stream,
    position: Number(position),
    sha256: sha256!,
    whole: end === 'blob'
  }
}

/** The body of a message that is held for later. */
export interface HeldBlob {
  path: string
  id: string
  /** Of the message's id: two u32. */
  hash: readonly [number, number]
  whole: boolean
}

export function heldBlobPath(folder: string, { id, hash }: Pick<HeldBlob, 'id' | 'hash'>): string {
  return `${folder}/${id}-${hash.map(half => half.toString(16).padStart(8, '0')).join('')}.blob`
}

export function parseHeldBlob(folder: string, name: string): HeldBlob | undefined {
  const [, id, a, b, end] = HELD.exec(name) ?? []
  if (id === undefined) return undefined
  const hash = [Number.parseInt(a!, 16), Number.parseInt(b!, 16)] as const
  return { path: `${folder}/${name}`, id, hash, whole: end === 'blob' }
}

/** The files in a folder by that name; strangers are left alone, no folder is an empty one. */
export async function listBlobs<T>(
  files: Files,
  folder: string,
  parse: (folder: string, name: string) => T | undefined
): Promise<T[]> {
  const entries = await files.list(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  return entries.flatMap(({ name, kind }) => (kind === 'file' ? (parse(folder, name) ?? []) : []))
}
