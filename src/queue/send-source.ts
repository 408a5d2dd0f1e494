import { DroprError } from '../errors.ts'
import { type Blob, encodeBlob } from '../journal/blob-entry.ts'
import type { Limits } from '../limits.ts'
import { BODY_KINDS, type BodyKind, type Draft } from '../message.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { aborted } from './abort.ts'
import { type BodySource, chunksOf, takeHead } from './body-source.ts'
import type { Destination } from './destinations.ts'
import { said } from './options.ts'
import { checkKind, type SendOptions } from './send-options.ts'

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
}

export interface SourceSend<T> {
  source: BodySource
  options: SendOptions
  /** Complete but for the body. */
  draft: Draft
  /** At least one: each has the body for itself. */
  places: readonly BlobPlace[]
  limits: Limits
  room: BlobRoom | undefined
  append: (draft: Draft) => Promise<T>
}

/**
 * Sends what is read from a source: up to `messageBytesMax` as any other message, more through a file of the outbox, in
 * constant memory. Whatever ends it before the entry that owns the body is appended leaves nothing behind.
 */
export async function sendSource<T>(send: SourceSend<T>): Promise<T> {
  const { source, options, draft, places, limits, room, append } = send
  const { kind = 'bytes', signal } = options
  if (!BODY_KINDS.includes(kind)) throw new TypeError(`kind must be one of ${BODY_KINDS.join(', ')}, got ${said(kind)}`)
  const stop = new AbortController()
  const onAbort = () => stop.abort(aborted(signal!, 'sendMessage'))
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const letGo = keepAlive()
  const chunks = chunksOf(source, stop.signal)
  try {
    const head = await takeHead(chunks, limits.messageBytesMax)
    if (head.bytes !== undefined) {
      draft.kind = checkKind(kind, head.bytes)
      draft.body = head.bytes
      return await append(draft)
    }
    const [first, ...others] = places
    if (first === undefined || room === undefined)
      throw tooLarge('that this queue has no room for', limits.messageBytesMax, 'messageBytesMax')
    const before = (bytes: number) => {
      if (bytes > limits.blobBytesMax) throw tooLarge(`of ${bytes} bytes or more`, limits.blobBytesMax, 'blobBytesMax')
      stop.signal.throwIfAborted()
    }
    const blob = await room.put(first, { kind, chunks: head.rest, before })
    return await own(send, { room, first, others, blob, signal: stop.signal })
  } finally {
    await chunks.return()
    letGo()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Appends the entries that own it. When it is sure that there are none, the body goes. */
async function own<T>(
  { draft, append }: SourceSend<T>,
  at: { room: BlobRoom; first: BlobPlace; others: readonly BlobPlace[]; blob: Blob; signal: AbortSignal }
): Promise<T> {
  const { room, first, others, blob, signal } = at
  let appended = false
  try {
    for (const other of others) await room.copy(blob, first, other)
    signal.throwIfAborted()
    appended = true
    return await append({ ...draft, blob: true, body: encodeBlob(blob) })
  } catch (error) {
    if (!appended || (error instanceof DroprError && error.code === 'CLOSED'))
      for (const to of [first, ...others]) await room.drop(to, blob)
    throw error
  }
}

function tooLarge(what: string, max: number, limit: string): DroprError {
  return new DroprError('MESSAGE_TOO_LARGE', `a body ${what} is above ${limit} ${max}`)
}
