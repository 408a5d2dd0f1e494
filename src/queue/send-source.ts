import { DroprError } from '../errors.ts'
import { type Blob, encodeBlob } from '../journal/blob-entry.ts'
import type { Limits } from '../limits.ts'
import { BODY_KINDS, type BodyKind, type Draft } from '../message.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { aborted } from './abort.ts'
import { type BodySource, chunksOf, takeHead } from './body-source.ts'
import type { Destination } from './destinations.ts'
import { said } from './options.ts'
import { checkKind } from './send-options.ts'

/** A destination, or where messages for later lie. */
export type BlobPlace = Destination | { folder: string }

/** Where bodies go that are too large for an entry. */
export interface BlobRoom {
  put(
    to: BlobPlace,
    options: { kind: BodyKind; chunks: AsyncIterable<Uint8Array>; before: (bytes: number) => void }
  ): Promise<Blob>
  copy(blob: Blob, from: BlobPlace, to: BlobPlace): Promise<void>
  drop(to: BlobPlace, blob: Blob): Promise<void>
  dropUnlessOwned(to: BlobPlace, blob: Blob): Promise<void>
}

export interface SourcesSend<T> {
  /** Messages in order. Where there is a source the draft is complete but for the body. */
  items: readonly { draft: Draft; source: BodySource | undefined }[]
  options: { kind?: BodyKind; signal?: AbortSignal }
  /** At least one: each has the bodies for itself. */
  places: readonly BlobPlace[]
  limits: Limits
  room: BlobRoom | undefined
  append: (drafts: readonly Draft[]) => Promise<T>
  /** The call that it is for, for people. */
  what: string
}

/**
 * Sends what is read from sources, one after the other: each up to `messageBytesMax` as any other message, more through a file of the
 * outbox, in constant memory. Rejected: of bodies that no entry owns nothing is left behind.
 */
export async function sendSources<T>(send: SourcesSend<T>): Promise<T> {
  const { items, options, places, room, append, what } = send
  const { kind = 'bytes', signal } = options
  if (!BODY_KINDS.includes(kind)) throw new TypeError(`kind must be one of ${BODY_KINDS.join(', ')}, got ${said(kind)}`)
  const stop = new AbortController()
  const onAbort = () => stop.abort(aborted(signal!, what))
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const letGo = keepAlive()
  const written: Blob[] = []
  let appended = false
  try {
    const drafts: Draft[] = []
    for (const { draft, source } of items)
      drafts.push(
        source === undefined ? draft : await read(send, { draft, source, kind, written, signal: stop.signal })
      )
    stop.signal.throwIfAborted()
    appended = true
    return await append(drafts)
  } catch (error) {
    // Written or not: after a failed write only what lies there tells.
    for (const blob of written)
      for (const to of places) await (appended ? room?.dropUnlessOwned(to, blob) : room?.drop(to, blob))
    throw error
  } finally {
    letGo()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** The draft with its body, or with what says where that is: then it is in `written`. */
async function read<T>(
  { places, limits, room }: SourcesSend<T>,
  item: { draft: Draft; source: BodySource; kind: BodyKind; written: Blob[]; signal: AbortSignal }
): Promise<Draft> {
  const { draft, source, kind, written, signal } = item
  const chunks = chunksOf(source, signal)
  try {
    const head = await takeHead(chunks, limits.messageBytesMax)
    if (head.bytes !== undefined) return { ...draft, kind: checkKind(kind, head.bytes), body: head.bytes }
    const [first, ...others] = places
    if (first === undefined || room === undefined)
      throw tooLarge('that this queue has no room for', limits.messageBytesMax, 'messageBytesMax')
    const before = (bytes: number) => {
      if (bytes > limits.blobBytesMax) throw tooLarge(`of ${bytes} bytes or more`, limits.blobBytesMax, 'blobBytesMax')
      signal.throwIfAborted()
    }
    const blob = await room.put(first, { kind, chunks: head.rest, before })
    written.push(blob)
    for (const other of others) await room.copy(blob, first, other)
    return { ...draft, blob: true, body: encodeBlob(blob) }
  } finally {
    await chunks.return()
  }
}

function tooLarge(what: string, max: number, limit: string): DroprError {
  return new DroprError('MESSAGE_TOO_LARGE', `a body ${what} is above ${limit} ${max}`)
}
