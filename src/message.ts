/** What an application hands over. Empty is a body. A JSON value is anything JSON.stringify gives text for; strings and bytes go as they are. */
export type Body = string | Uint8Array | JsonValue
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue }

/** What the bytes of a body are; the number is on disk (docs/format.md). */
export const BODY_KINDS = ['bytes', 'text', 'json'] as const
export type BodyKind = (typeof BODY_KINDS)[number]

/** Names in any case, values any text. From outside: null prototype. */
export type Headers = Readonly<Record<string, string>>

/** 0 to 9, higher first (STOMP and JMS). */
export const PRIORITY = { min: 0, max: 9, default: 4 } as const
export const CHANNEL_DEFAULT = 'common'

/** When and where a message that is held for later goes (docs/schedule.md). */
export interface Due {
  /** Wall ms. */
  at: number
  /** A peer, or this node. */
  to: string
  channel: string
  priority: number
}

/** A message on its way in: what one entry is made of. `id` undefined: the journal gives a UUIDv7. */
export interface Draft {
  id?: string | undefined
  sentAt: number
  expiresAt?: number | undefined
  headers?: Headers | undefined
  /** Its sender wants to hear what becomes of it. */
  receipt?: true | undefined
  /** One message of a key is handed out at a time, in order. */
  key?: string | undefined
  /** Only in schedule/: held until then. */
  due?: Due | undefined
  kind: BodyKind
  /** Text is written as UTF-8 straight into the frame; `json` is already stringified. */
  body: string | Uint8Array
  /** `body` only describes the real one, which lies in a file (journal/blob-entry.ts). */
  blob?: true
}

/** What who sent a message is told once it is safe. */
export type Done<D extends Draft, T> = (id: string, draft: D) => T

/** A message as one entry holds it. `body` is a view into the bytes it was read from. */
export interface Stored {
  id: string
  /** Given by the caller, scheduled or relayed: the receiver remembers it (P2). */
  remembered: boolean
  sentAt: number
  expiresAt: number | undefined
  headers: Headers
  /** Its sender wants to hear what becomes of it. */
  receipt?: true
  key?: string
  /** Only in schedule/. */
  due?: Due
  kind: BodyKind
  /** Empty with `blob`. */
  body: Buffer
  /** The body is too large for an entry and lies in a file of its own. */
  blob?: { bytes: number; sha256: string; id: string }
}
