import { decodeMessage, entryBytes, MESSAGE } from '../journal/entry.ts'
import { FolderTail } from '../journal/folder-tail.ts'
import type { Stored } from '../message.ts'
import type { Spool } from '../spool/spool.ts'

/** What was seen lately is kept: somebody may be about to ask for it. */
const RECENT_MAX = 1_000
const RECENT_BYTES_MAX = 4_194_304

/** A message that arrived in a channel of ours. */
export interface Kept {
  stored: Stored
  /** Who sent it, as proven. */
  node: string
  /** Wall ms. */
  receivedAt: number
}

interface Wanted {
  users: number
  /** By stream and position: a frame may be copied, and read twice. */
  found: Map<string, Kept>
}

/**
 * Follows a channel of ours, whose messages nobody claims, and gives those that somebody asks for by a key. The files are the
 * truth, in any process, and after a restart; memory holds what is asked for.
 */
export class KeptTail {
  readonly folder: string
  readonly #tail: FolderTail
  readonly #keyOf: (stored: Stored) => string | undefined
  readonly #wanted = new Map<string, Wanted>()
  readonly #recent = new Map<string, { key: string; kept: Kept }>()
  #recentBytes = 0
  #dropped = 0
  #rewindTo: number | undefined

  constructor(options: { spool: Spool; channel: string; keyOf: (stored: Stored) => string | undefined }) {
    const { spool, channel, keyOf } = options
    this.folder = spool.inbox(channel)
    this.#keyOf = keyOf
    this.#tail = new FolderTail({ files: spool.system.files, folder: this.folder, since: spool.system.clock.now() })
  }

  /** Taken before something is sent, and given to `want`: what comes from then on need not be looked for in the past. */
  get mark(): number {
    return this.#dropped
  }

  /** Somebody asks for this key, until `leave`. */
  want(key: string, options: { since: number; mark?: number | undefined }): void {
    let wanted = this.#wanted.get(key)
    if (wanted === undefined) {
      wanted = { users: 0, found: new Map() }
      this.#wanted.set(key, wanted)
      for (const [place, recent] of this.#recent) if (recent.key === key) wanted.found.set(place, recent.kept)
      if (options.mark !== this.#dropped) this.#rewindTo = Math.min(this.#rewindTo ?? options.since, options.since)
    }
    wanted.users++
  }

  leave(key: string): void {
    const wanted = this.#wanted.get(key)
    if (wanted !== undefined && --wanted.users === 0) this.#wanted.delete(key)
  }

  /** All that has come for a key that is asked for, in order. */
  of(key: string): Kept[] {
    return [...(this.#wanted.get(key)?.found.values() ?? [])]
  }

  async look(): Promise<void> {
    if (this.#rewindTo !== undefined) this.#tail.rewind(this.#rewindTo)
    this.#rewindTo = undefined
    for await (const { frame } of this.#tail.look()) {
      const { source, payload, kind, count, at: receivedAt } = frame
      if (source === undefined || kind !== 'data') continue
      for (let i = 0, at = 0; i < count && at < payload.length; i++, at += entryBytes(payload, at)) {
        if (payload[at + 8] !== MESSAGE) continue
        const stored = decodeMessage(payload, at)
        const key = this.#keyOf(stored)
        const place = `${source.stream} ${source.from + i}`
        if (key !== undefined) this.#take(key, place, { stored, node: source.node, receivedAt })
      }
    }
  }

  #take(key: string, place: string, { stored, ...kept }: Kept): void {
    const own = { ...kept, stored: { ...stored, body: Buffer.from(stored.body) } }
    this.#wanted.get(key)?.found.set(place, own)
    if (this.#recent.has(place)) return
    this.#recent.set(place, { key, kept: own })
    this.#recentBytes += own.stored.body.length
    for (const [oldest, { kept: old }] of this.#recent) {
      if (this.#recent.size <= RECENT_MAX && this.#recentBytes <= RECENT_BYTES_MAX) return
      this.#recent.delete(oldest)
      this.#recentBytes -= old.stored.body.length
      this.#dropped++
    }
  }
}
