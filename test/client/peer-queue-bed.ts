import { DroprError, type ErrorCode } from '../../src/errors.ts'
import { limitsFrom } from '../../src/limits.ts'
import type { Log, LogFields } from '../../src/system/log.ts'
import { SimClock } from '../../src/system/sim/index.ts'
import type { Transport } from '../../src/wire/transport.ts'
import type { UploadAnswer, UploadRequest } from '../../src/wire/upload.ts'
import { UploadFailure } from '../../src/wire/upload-failure.ts'
import { ModelBook, peerQueue, streamName } from './harness.ts'
import { idsIn, ModelStream } from './model.ts'

export type Reply = (request: UploadRequest, signal: AbortSignal) => Promise<number | UploadAnswer>

export interface Sent {
  request: UploadRequest
  at: number
}

/** A client with one peer whose answers the test gives. `streams` live streams, all empty. */
export function setup(options: {
  streams?: number
  limits?: Record<string, number>
  reply: Reply
  priorities?: number[]
}) {
  const clock = new SimClock()
  const sent: Sent[] = []
  let underWay = 0
  let underWayMax = 0
  const transport: Transport = {
    async upload(_peer, request, signal) {
      sent.push({ request, at: clock.ticks() })
      underWayMax = Math.max(underWayMax, ++underWay)
      try {
        const answer = await options.reply(request, signal)
        const { stream, nonce } = request
        return typeof answer === 'number' ? { stream, nonce, next: answer, refused: [] } : answer
      } finally {
        underWay--
      }
    },
    close: async () => undefined
  }
  const streams = Array.from(
    { length: options.streams ?? 1 },
    (_, n) => new ModelStream({ stream: streamName(n), channel: `c${n}`, priority: options.priorities?.[n] ?? 4 })
  )
  const book = new ModelBook()
  const limits = limitsFrom(options.limits ?? {})
  const logged: { fields: LogFields; text: string }[] = []
  const note = (fields: LogFields, text: string) => void logged.push({ fields, text })
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const queue = peerQueue({ clock, limits, transport, streams, book, seed: 1, log })
  return { clock, queue, streams, sent, book, limits, logged, underWayMax: () => underWayMax }
}

export const countOf = (request: UploadRequest) => idsIn(request.entries).length
export const endOf = (request: UploadRequest) => request.from + countOf(request)

export function failing(code: ErrorCode, extra: { retryAfterMs?: number } = {}): never {
  throw new UploadFailure(new DroprError(code, `no: ${code}`), extra)
}
