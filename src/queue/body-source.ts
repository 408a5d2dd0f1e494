import { resolve } from 'node:path'
import { DroprError } from '../errors.ts'
import { openInput } from '../system/input.ts'
import { said } from './options.ts'

/** A body that is read while it is sent: a file (`file(path)`), or anything that gives bytes one after the other. */
export type BodySource = BodyFile | Blob | AsyncIterable<Uint8Array | string>

/**
 * A file whose content is a body. Only what `file()` makes counts, never an object that looks like it: a body may be JSON that
 * came from anywhere, and must not name a file of this machine.
 */
export class BodyFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }
}

/** The content of a file as a body. It is read when it is sent, never whole in memory. */
export function file(path: string): BodyFile {
  if (typeof path !== 'string' || path === '') throw new TypeError(`file takes a path, got ${said(path)}`)
  return new BodyFile(resolve(path))
}

/** Undefined for a body that is there at once. */
export function sourceOf(body: unknown): BodySource | undefined {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) return undefined
  if (body instanceof BodyFile || body instanceof Blob || Symbol.asyncIterator in body) return body as BodySource
  return undefined
}

/**
 * The bytes of a source. Ends early, with what `signal` says, when that aborts, also while the source is silent.
 *
 * @throws DroprError BODY_UNREADABLE when the source fails; TypeError when it gives anything but bytes and text.
 */
export async function* chunksOf(source: BodySource, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const reading = (await opened(source))[Symbol.asyncIterator]()
  let stop: () => void = () => undefined
  const onAbort = () => stop()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      // No race with one promise for all chunks: that would keep each of them until the end.
      const { done, value } = await new Promise<IteratorResult<Uint8Array | string>>((resolve, reject) => {
        stop = () => reject(signal?.reason)
        if (signal?.aborted) return stop()
        reading.next().catch(unreadable).then(resolve, reject)
      })
      if (done) return
      yield bytesOf(value)
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // A source that hangs is not waited for.
    void reading.return?.()?.catch?.(() => undefined)
  }
}

async function opened(source: BodySource): Promise<AsyncIterable<Uint8Array | string>> {
  if (source instanceof Blob) return source.stream()
  if (!(source instanceof BodyFile)) return source
  return await openInput(source.path).catch(unreadable)
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  throw new TypeError(`a stream as body must give bytes or text, got ${said(chunk)}`)
}

function unreadable(error: unknown): never {
  const text = error instanceof Error ? error.message : said(error)
  throw new DroprError('BODY_UNREADABLE', `the body cannot be read: ${text}`, error)
}

/**
 * Reads up to `bytesMax` bytes and looks whether there is more.
 *
 * @returns The bytes when that is all; else `rest` gives everything, these first.
 */
export async function takeHead(
  chunks: AsyncGenerator<Uint8Array, void>,
  bytesMax: number
): Promise<{ bytes: Buffer; rest?: undefined } | { bytes?: undefined; rest: AsyncGenerator<Uint8Array, void> }> {
  const head: Buffer[] = []
  let bytes = 0
  for (;;) {
    const { done, value } = await chunks.next()
    if (done) return { bytes: Buffer.concat(head, bytes) }
    // Whoever gave it may use its memory again.
    head.push(Buffer.from(value))
    bytes += value.length
    if (bytes > bytesMax) return { rest: joined(head, chunks) }
  }
}

async function* joined(head: Buffer[], chunks: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
  for (let part = head.shift(); part !== undefined; part = head.shift()) yield part
  yield* chunks
}
