import { DroprError } from '../errors.ts'
import type { Body } from '../message.ts'
import { checkPeer, REPLY_CHANNEL } from '../names.ts'
import { checkDuration, checkSignal, type Duration, said } from './options.ts'
import { type ReceiptDesk, replied } from './receipt.ts'
import { REPLY_TO, type Reply } from './reply.ts'
import type { Sender } from './send.ts'
import type { SendOptions } from './send-options.ts'
import type { Known } from './tracker.ts'

export type { Reply }

export interface RequestOptions
  extends Omit<SendOptions, 'to' | 'receipt' | 'durability' | 'deliverAt' | 'delay' | 'rejectPast'> {
  /** How long to wait for the reply. Default 30 s. */
  timeout?: Duration
}

const REQUEST_MS = 30_000

/**
 * Sends a message and resolves with its reply: an ordinary durable message each way.
 *
 * @throws DroprError WAIT_TIMEOUT (the request goes on: its cause says where it is), MESSAGE_DEAD with the reason of the other
 * side, MESSAGE_EXPIRED, ABORTED, CLOSED, and what sending throws.
 */
export async function request(
  parts: { sender: Sender; desk: ReceiptDesk },
  to: string,
  body: Body,
  options: RequestOptions = {}
): Promise<Reply> {
  const { timeout, signal, ...send } = options
  const timeoutMs = timeout === undefined ? REQUEST_MS : checkDuration(timeout, 'timeout')
  checkPeer(to, 'to')
  checkSignal(signal)
  for (const name of ['to', 'receipt', 'durability', 'deliverAt', 'delay', 'rejectPast'])
    if (Object.hasOwn(send, name)) throw new TypeError(`request has no option ${name}, got ${said(options)}`)
  const { sender, desk } = parts
  const { mark } = desk
  const headers = { ...send.headers, [REPLY_TO]: REPLY_CHANNEL }
  const { id } = await sender.send(body, {
    ...send,
    to,
    receipt: true,
    headers,
    ...(signal !== undefined && { signal })
  })
  const waiting = { what: 'request', timeoutMs, signal, replies: true, mark }
  return await desk
    .wait(id, known => repliedBy(known, to), waiting)
    .catch((error: unknown) => {
      throw isUnanswered(error) ? unanswered(error, to) : error
    })
}

function isUnanswered(error: unknown): error is DroprError {
  if (!(error instanceof DroprError) || error.code !== 'WAIT_TIMEOUT') return false
  return (error.cause as { state?: string } | undefined)?.state === 'delivered'
}

/** Neither a reply nor a verdict came back: perhaps the other node does not know where to. */
function unanswered(error: DroprError, to: string): DroprError {
  const text = `${error.message}; ${to} has it, and can answer only if it names this node among its peers`
  return new DroprError(error.code, text, error.cause)
}

function repliedBy(known: Known, to: string): Reply | undefined {
  return replied({ ...known, replies: known.replies.filter(({ node }) => node === to) })
}
