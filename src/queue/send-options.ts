import { isUtf8 } from 'node:buffer'
import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { BODY_KINDS, type BodyKind, type Draft, type Headers } from '../message.ts'
import { checkHeaders } from './headers.ts'
import { parseJson } from './json.ts'
import type { LaterOptions } from './later.ts'
import { checkDuration, checkOptions, checkSignal, type Duration, said } from './options.ts'
import type { Durability } from './receipt.ts'

/** What may be said of a batch: all its messages go to one place. */
export interface SendAllOptions extends LaterOptions {
  /** Default `common`. */
  channel?: string
  /** A peer by its configured name. Default: this node. */
  to?: string
  /** 0 to 9, higher first. Default 4. */
  priority?: number
  headers?: Headers
  /** One for each body, in order; two that are equal reject the whole with ID_REPEATED. */
  ids?: readonly string[]
  /** Messages of one key are handed out one at a time, in order: 1 to 255 bytes of text. */
  key?: string
  /** Not delivered after this. A Date, or ms since the Unix epoch. */
  expiresAt?: Date | number
  /** As `expiresAt`, from now. Not both. */
  ttl?: Duration
  /** Of bytes: what they are, text in UTF-8 or JSON. They are sent as they are. Default `bytes`. */
  kind?: BodyKind
  /** The node it goes to tells this one what its consumer made of it: `receipt.settled()`. */
  receipt?: boolean
  /** Default `synced`. */
  durability?: Durability
  /** Aborts the waiting, not the sending: rejects with ABORTED. */
  signal?: AbortSignal
}

export interface SendOptions extends Omit<SendAllOptions, 'to' | 'ids'> {
  /** Several: one copy each, all with the same id, each on its own way. */
  to?: string | readonly string[]
  /** 1 to 255 bytes of text. Sending it again within the id memory never gives two (P2). */
  id?: string
}

const LATER = ['deliverAt', 'delay', 'rejectPast']
const NOW = [
  'channel',
  'to',
  'priority',
  'headers',
  'key',
  'expiresAt',
  'ttl',
  'kind',
  'receipt',
  'durability',
  'signal'
]
const SEND_ALL = new Set([...NOW, ...LATER, 'ids'])
const SEND = new Set([...NOW, ...LATER, 'id'])

/** The largest time that a Date can hold; it also fits the six bytes on disk. */
const DATE_MS_MAX = 8_640_000_000_000_000
const EXPIRES_MS_MAX = Math.min(DATE_MS_MAX, 2 ** 48 - 1)
const ID_BYTES_MAX = 255

export function checkSend(options: SendOptions): void {
  checkOptions(options, SEND, 'sendMessage')
  checkShared(options)
  if (options.id !== undefined) checkId(options.id)
}

export function checkSendAll(options: SendAllOptions & { id?: unknown }): void {
  if (options.id !== undefined) throw new TypeError('id names one message: sendMessages takes ids, one for each')
  checkOptions(options, SEND_ALL, 'sendMessages')
  if (Array.isArray(options.to)) throw new TypeError('to: sendMessages goes to one peer; call it once for each')
  checkShared(options)
}

/** @throws TypeError; DroprError ID_REPEATED: of which of two would a sender be told? */
export function checkIds(ids: readonly string[], count: number): void {
  if (!Array.isArray(ids) || ids.length !== count)
    throw new TypeError(`ids must be ${count}, one for each body, got ${said(Array.isArray(ids) ? ids.length : ids)}`)
  const seen = new Set<string>()
  for (const id of ids.map(checkId)) {
    if (seen.has(id)) throw new DroprError('ID_REPEATED', `two messages of the batch have the id ${JSON.stringify(id)}`)
    seen.add(id)
  }
}

/** Puts into a draft what the options say. */
export function applyOptions(draft: Draft, options: Omit<SendOptions, 'to'>, limits: Limits): void {
  draft.headers = checkHeaders(options.headers, limits)
  if (options.key !== undefined) draft.key = checkText(options.key, 'key')
  draft.expiresAt = expiryMs(options, draft.sentAt)
  draft.id = options.id
  if (options.receipt === true) draft.receipt = true
  if (options.kind !== undefined) draft.kind = checkKind(options.kind, draft.body)
}

function checkShared(options: { receipt?: unknown; durability?: unknown; signal?: unknown }): void {
  const { receipt, durability } = options
  if (receipt !== undefined && typeof receipt !== 'boolean')
    throw new TypeError(`receipt must be true or false, got ${said(receipt)}`)
  if (durability !== undefined && durability !== 'synced' && durability !== 'buffered') {
    throw new TypeError(`durability must be 'synced' or 'buffered', got ${said(durability)}`)
  }
  checkSignal(options.signal)
}

function expiryMs(options: { expiresAt?: unknown; ttl?: unknown }, now: number): number | undefined {
  const { expiresAt, ttl } = options
  if (expiresAt === undefined) return ttl === undefined ? undefined : now + checkDuration(ttl, 'ttl', 1)
  if (ttl !== undefined) throw new TypeError('expiresAt and ttl exclude each other')
  const ms = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt
  if (typeof ms !== 'number' || !Number.isInteger(ms) || ms < 0 || ms > EXPIRES_MS_MAX) {
    throw new TypeError(`expiresAt must be a Date or whole ms from 0 to ${EXPIRES_MS_MAX}, got ${said(expiresAt)}`)
  }
  return ms
}

export function checkKind(kind: unknown, body: Draft['body']): BodyKind {
  if (!BODY_KINDS.includes(kind as BodyKind))
    throw new TypeError(`kind must be one of ${BODY_KINDS.join(', ')}, got ${said(kind)}`)
  if (typeof body === 'string') throw new TypeError('kind is said of bytes: texts and JSON values speak for themselves')
  if (kind !== 'bytes' && !isUtf8(body)) throw new TypeError(`body must be UTF-8 to be of kind ${String(kind)}`)
  if (kind === 'json') parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  return kind as BodyKind
}

export function checkId(id: unknown): string {
  return checkText(id, 'id')
}

/** An id, or a key. */
export function checkText(text: unknown, what: 'id' | 'key'): string {
  const bytes = typeof text === 'string' ? Buffer.byteLength(text) : 0
  if (typeof text !== 'string' || bytes < 1 || bytes > ID_BYTES_MAX) {
    const got = typeof text === 'string' ? `${bytes} bytes` : String(text)
    throw new TypeError(`${what} must be text of 1 to ${ID_BYTES_MAX} bytes, got ${got}`)
  }
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) {
    throw new TypeError(`${what} must be well-formed text without control characters, got ${JSON.stringify(text)}`)
  }
  return text
}
