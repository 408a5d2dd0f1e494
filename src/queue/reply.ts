import { DroprError } from '../errors.ts'
import type { Body, BodyKind, Headers, JsonValue } from '../message.ts'
import { checkChannel, isOurs, REPLY_CHANNEL } from '../names.ts'
import { sourceOf } from './body-source.ts'
import { parseJson } from './json.ts'
import type { Kept } from './kept-tail.ts'
import { checkOptions } from './options.ts'
import type { Receipt } from './receipt.ts'
import type { Sender } from './send.ts'
import type { SendOptions } from './send-options.ts'

/** On a request: the channel of the node that sent it where replies are wanted. */
export const REPLY_TO = 'dropr-reply-to'
/** On a reply: the id of the message that it answers, or what that had in this header itself. */
export const CORRELATION_ID = 'dropr-correlation-id'

/** A reply is a message like any other; where it goes follows from the message that it answers. */
export type ReplyOptions = Omit<SendOptions, 'to' | 'channel' | 'deliverAt' | 'delay' | 'rejectPast'>

/** The message that is answered, and its place, of which the reply's id is made. */
export interface Answered {
  id: string
  from: string
  headers: Headers
  stream: string
  position: number
}

export type SendReply = (to: Answered, body: Body, options?: ReplyOptions) => Promise<Receipt>

const REPLY = new Set(['id', 'priority', 'headers', 'expiresAt', 'ttl', 'kind', 'receipt', 'durability', 'signal'])

/** @param sender One that may send to channels of ours. */
export function replyThrough(sender: Sender): SendReply {
  return async (to, body, options = {}) => {
    checkOptions(options, REPLY, 'reply')
    if (sourceOf(body) !== undefined) throw new TypeError('a reply is text, bytes or a JSON value')
    const { id, from, headers, stream, position } = to
    const channel = replyChannel(headers[REPLY_TO], id)
    try {
      return await sender.send(body, {
        ...options,
        // The same for the same message: told again after a crash, it arrives once.
        id: options.id ?? `re ${stream} ${position}`,
        to: from,
        channel,
        headers: { ...options.headers, [CORRELATION_ID]: headers[CORRELATION_ID] ?? id }
      })
    } catch (error) {
      throw error instanceof DroprError && error.code === 'PEER_UNKNOWN' ? unknownSender(id, from, error) : error
    }
  }
}

/** Messages come from whom this node lets in; only to whom it names can it send. */
function unknownSender(id: string, from: string, cause: Error): DroprError {
  const line = `"peers": { ${JSON.stringify(from)}: "http://<host>:<port>" }`
  const text = `message ${id} came from ${from}, which is no peer here: a reply needs ${line} in dropr.json`
  return new DroprError('PEER_UNKNOWN', text, cause)
}

function replyChannel(given: string | undefined, id: string): string {
  try {
    const channel = checkChannel(given)
    if (!isOurs(channel) || channel === REPLY_CHANNEL) return channel
  } catch {
    // Said by who sent it, perhaps no dropr at all.
  }
  throw new DroprError('REPLY_UNWANTED', `message ${id} does not say where a reply should go (${REPLY_TO})`)
}

/** The answer to a request. */
export interface Reply {
  readonly id: string
  /** The request's. */
  readonly correlationId: string
  /** The node that sent it. */
  readonly from: string
  readonly kind: BodyKind
  /** What was sent: text, bytes or a JSON value. */
  readonly body: string | Buffer | JsonValue
  text(): string
  /** The body parsed. Throws BODY_NOT_JSON. */
  json(): JsonValue
  /** The body's bytes, a copy. */
  bytes(): Buffer
  readonly headers: Headers
  /** Wall ms of its sender, and of this node. */
  readonly sentAt: number
  readonly receivedAt: number
}

export function replyOf({ stored, node, receivedAt }: Kept): Reply {
  const { id, headers, kind, sentAt, body } = stored
  const text = () => body.toString()
  const bytes = () => Buffer.from(body)
  const json = () => parseJson(text())
  return {
    id,
    correlationId: headers[CORRELATION_ID] ?? '',
    from: node,
    kind,
    get body() {
      return kind === 'text' ? text() : kind === 'bytes' ? bytes() : json()
    },
    text,
    json,
    bytes,
    headers,
    sentAt,
    receivedAt
  }
}
