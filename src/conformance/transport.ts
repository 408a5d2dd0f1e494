import { deepEqual, doesNotMatch, equal, rejects } from 'node:assert/strict'
import { DroprError } from '../errors.ts'
import type { PeerAddress, ReceiveUpload, Transport } from '../wire/transport.ts'
import type { UploadAnswer, UploadRequest } from '../wire/upload.ts'
import { streamConflict } from '../wire/upload-failure.ts'
import { type Case, like } from './case.ts'

export const STREAM = '5'.repeat(32)

let nonces = 0

export function uploadOf(changes: Partial<UploadRequest> = {}): UploadRequest {
  return {
    origin: 'a'.repeat(32),
    node: 'berlin',
    stream: STREAM,
    channel: 'größe/🚚?',
    priority: 4,
    from: 0,
    nonce: `nonce-${String(++nonces).padStart(16, '0')}`,
    settled: 0,
    entries: Buffer.from('these are entries'),
    whole: true,
    ...changes
  }
}

/** One peer that receives as told, and a way to it. */
export interface Pair {
  transport: Transport
  peer: PeerAddress
  close(): Promise<void>
}

const never = new AbortController().signal

/** What every transport owes. `open` makes a peer that receives as told; it may let a simulated clock run by itself. */
export function transportCases(open: (receive: ReceiveUpload) => Promise<Pair> | Pair): Case[] {
  const cases: Case[] = []
  const test = (title: string, run: () => Promise<void>) => cases.push({ title, run })

  async function withPair(receive: ReceiveUpload, use: (pair: Pair) => Promise<void>): Promise<void> {
    const pair = await open(receive)
    try {
      await use(pair)
    } finally {
      await pair.close()
    }
  }

  test('what is sent arrives as it was, and the answer comes back as it was', async () => {
    const got: UploadRequest[] = []
    const refused = [{ at: 2, id: 'é', code: 'MESSAGE_TOO_LARGE' as const, detail: 'too "large"' }]
    const receive: ReceiveUpload = async (request, peer) => {
      equal(peer, 'berlin')
      got.push({ ...request, entries: Buffer.from(request.entries) })
      return { stream: request.stream, nonce: request.nonce, next: 12, refused }
    }
    await withPair(receive, async ({ transport, peer }) => {
      const uploads = [
        uploadOf(),
        uploadOf({ entries: Buffer.alloc(1_048_576, 7), from: 7, settled: 5, priority: 9 }),
        uploadOf({ entries: Buffer.alloc(0), from: 3, skip: { from: 3, to: 10, reason: 'gone' } })
      ]
      for (const upload of uploads) {
        const answer = await transport.upload(peer, upload, never)
        const { unused: _, ...said } = answer
        deepEqual(said, { stream: STREAM, nonce: upload.nonce, next: 12, refused })
      }
      for (const [i, { entries, ...rest }] of got.entries()) {
        const { entries: sent, ...asked } = uploads[i]!
        equal(entries.equals(sent), true)
        like(rest, asked)
      }
      equal(got.length, uploads.length)
    })
  })

  test('a piece of a large body arrives with its place in it, an empty one too, and the answer says what is there', async () => {
    const got: UploadRequest[] = []
    const receive: ReceiveUpload = async request => {
      got.push({ ...request, entries: Buffer.from(request.entries) })
      const { stream, nonce, blob, entries } = request
      return { stream, nonce, next: 0, refused: [], blob: { have: blob!.at + entries.length, state: 'more' } }
    }
    await withPair(receive, async ({ transport, peer }) => {
      const blob = { at: 1_000, total: 20_000_000_000, sha256: 'ab'.repeat(32) }
      for (const entries of [Buffer.alloc(0), Buffer.alloc(500, 'x')]) {
        const answer = await transport.upload(peer, uploadOf({ from: 9, blob, entries }), never)
        deepEqual(answer.blob, { have: 1_000 + entries.length, state: 'more' })
        like(got.at(-1), { from: 9, blob, whole: true })
        equal(got.at(-1)!.entries.equals(entries), true)
      }
    })
  })

  test('an answer to a piece that does not say what is there is none', async () => {
    const answers = [undefined, { have: -1, state: 'more' }, { have: 6, state: 'whole' }, { have: 5, state: 'maybe' }]
    let i = 0
    const receive: ReceiveUpload = async ({ stream, nonce }) => {
      const blob = answers[i++] as UploadAnswer['blob']
      return { stream, nonce, next: 0, refused: [], ...(blob && { blob }) }
    }
    await withPair(receive, async ({ transport, peer }) => {
      for (const _ of answers) {
        const blob = { at: 0, total: 5, sha256: 'ab'.repeat(32) }
        const upload = transport.upload(peer, uploadOf({ blob, entries: Buffer.from('x') }), never)
        await rejects(upload, { code: 'PEER_PROTOCOL' })
      }
    })
  })

  test('many uploads at once each get their own answer', async () => {
    const receive: ReceiveUpload = async ({ stream, nonce, from }) => ({ stream, nonce, next: from + 1, refused: [] })
    await withPair(receive, async ({ transport, peer }) => {
      const uploads = Array.from({ length: 50 }, (_, from) => transport.upload(peer, uploadOf({ from }), never))
      deepEqual(
        (await Promise.all(uploads)).map(({ next }) => next),
        uploads.map((_, i) => i + 1)
      )
    })
  })

  test('a conflict says where the peer is', async () => {
    const receive: ReceiveUpload = async () => {
      throw streamConflict(77, 'elsewhere')
    }
    await withPair(receive, async ({ transport, peer }) => {
      const upload = transport.upload(peer, uploadOf(), never)
      await rejects(upload, { name: 'UploadFailure', code: 'STREAM_CONFLICT', next: 77 })
    })
  })

  test(`an error of the peer's disk keeps its code, and tells nothing about its files`, async () => {
    const receive: ReceiveUpload = async () => {
      throw new DroprError('DISK_FULL', 'write to /secret/path: ENOSPC')
    }
    await withPair(receive, async ({ transport, peer }) => {
      const upload = transport.upload(peer, uploadOf(), never)
      const failure: unknown = await upload.catch((error: unknown) => error)
      like(failure, { code: 'DISK_FULL' })
      doesNotMatch((failure as Error).message, /secret/)
    })
  })

  test(`a request that the peer finds malformed is not the messages' fault: it is tried again`, async () => {
    const receive: ReceiveUpload = async () => {
      throw new DroprError('REQUEST_BAD', 'no')
    }
    await withPair(receive, async ({ transport, peer }) => {
      const failure: unknown = await transport.upload(peer, uploadOf(), never).catch((error: unknown) => error)
      like(failure, { code: 'PEER_PROTOCOL' })
      like((failure as { error: unknown }).error, { retry: true })
    })
  })

  test('an upload that is given up rejects at once, before or while it is on its way', async () => {
    await withPair(
      () => new Promise(() => undefined),
      async ({ transport, peer }) => {
        const before = transport.upload(peer, uploadOf(), AbortSignal.abort())
        await rejects(before, { code: 'ABORTED' })
        const stop = new AbortController()
        const during = transport.upload(peer, uploadOf(), stop.signal)
        setImmediate(() => stop.abort())
        await rejects(during, { code: 'ABORTED' })
      }
    )
  })

  test('closing rejects what is on its way, and what comes later', async () => {
    await withPair(
      () => new Promise(() => undefined),
      async ({ transport, peer }) => {
        const upload = transport.upload(peer, uploadOf(), never)
        setImmediate(() => void transport.close())
        await rejects(upload, { code: 'CLOSED' })
        await rejects(transport.upload(peer, uploadOf(), never), { code: 'CLOSED' })
      }
    )
  })
  return cases
}
