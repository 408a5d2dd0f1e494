import { diskError, systemCode } from '../errors.ts'
import { blobOf, hasBlob } from '../journal/blob-of.ts'
import { decodeNote, entryBytes, MARK, MESSAGE } from '../journal/entry.ts'
import type { Source } from '../journal/frame.ts'
import type { Ids } from '../journal/ids.ts'
import { listSegments } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import { carryBlob } from './blob-file.ts'
import { placedBlobPath } from './blob-names.ts'
import { JournalCache } from './journal-cache.ts'
import type { Spool } from './spool.ts'

/** Letters go by whole segments: one gets letters for no longer than this. */
const SEGMENT_MS_MAX = 86_400_000

/** One failed try to deliver. */
export interface Attempt {
  /** Wall ms. */
  at: number
  reason: string
}

/** Why a message was given up. */
export interface DeathNote {
  reason: string
  /** Of the table of errors, or a word of ours: `expired`, `crashed`, `rejected`. */
  code: string
  /** The node that gave it up. */
  by: string
  /** The peer that refused it. Absent: it had arrived here, and its consumers could not take it. */
  to?: string
  attempts: readonly Attempt[]
  /** Wall ms. */
  at: number
}

export interface DeadLetter extends Omit<DeathNote, 'by' | 'at'> {
  channel: string
  priority: number
  /** Spool id and name of the node that sent it; its place there. */
  origin: string
  node: string
  stream: string
  position: number
  /** The whole entry, as it lay in its stream. */
  entry: Buffer
  /** Where its large body lies, if it has one and that is not in the inbox. */
  blobPath?: string | undefined
}

/** A dead letter as it is found. Without a note when a crash came between the two: the message is there all the same. */
export interface FoundLetter {
  source: Source
  entry: Buffer
  note: DeathNote | undefined
}

/**
 * The messages that were given up, by channel: each an entry as it came and a mark that says why. Written by the client (what
 * peers refuse for good) and by the inbox's owner (what consumers cannot take), each into segments of its own.
 */
export class DeadRoom {
  readonly #spool: Spool
  readonly #cache: JournalCache
  /** Since when each folder's segment is written to, in ticks. */
  readonly #since = new Map<string, number>()
  /** Of large bodies whose letters went into each folder's segment. */
  readonly #bodyBytes = new Map<string, number>()

  constructor(options: { spool: Spool; writer: string; ids: Ids }) {
    this.#spool = options.spool
    this.#cache = new JournalCache({ ...options, folderGoes: true })
  }

  /**
   * Resolves when all are durable. After a crash or rejection do it again: a letter that is there twice counts once, by stream
   * and position.
   *
   * @throws DroprError DISK_*
   */
  async add(letters: readonly DeadLetter[]): Promise<void> {
    const at = this.#spool.system.clock.now()
    await Promise.all(
      letters.map(letter => (hasBlob(letter.entry, 0) ? this.#addLarge(letter, at) : this.#add(letter, at)))
    )
  }

  /** Ends segments that were begun long ago, so that old letters can go though new ones come. To be called now and then. */
  tidy(): void {
    const { clock } = this.#spool.system
    for (const [folder, since] of this.#since) {
      if (clock.ticks() - since < SEGMENT_MS_MAX) continue
      this.#since.delete(folder)
      void this.#cache.rest(folder)
    }
  }

  /** Ends what is written to in a channel now, for who wants to remove it. Never rejects. */
  async rest(channel: string): Promise<void> {
    const folder = this.#spool.dead(channel)
    this.#since.delete(folder)
    this.#bodyBytes.delete(folder)
    await this.#cache.rest(folder)
  }

  close(): Promise<void> {
    return this.#cache.close()
  }

  /** Its body comes first. And again, if it was taken for one that nobody owns before the letter was there. */
  async #addLarge(letter: DeadLetter, at: number): Promise<void> {
    await this.#carry(letter)
    await this.#add(letter, at)
    await this.#carry(letter)
    const folder = this.#spool.dead(letter.channel)
    const bytes = (this.#bodyBytes.get(folder) ?? 0) + blobOf(letter.entry, 0)!.bytes
    this.#bodyBytes.set(folder, bytes)
    // Letters go by whole segments, and their bodies with them: a few of many gigabytes are enough for one.
    if (bytes >= this.#spool.limits.segmentBytesMax) void this.rest(letter.channel)
  }

  async #carry({ channel, stream, position, entry, blobPath }: DeadLetter): Promise<void> {
    const { sha256 } = blobOf(entry, 0)!
    const { system, folders } = this.#spool
    const folder = this.#spool.dead(channel)
    const place = { stream, position, sha256 }
    const from = blobPath ?? placedBlobPath(this.#spool.inbox(channel), place)
    try {
      await folders.ensure(folder)
      if (await carryBlob(system.files, from, placedBlobPath(folder, place))) return
    } catch (error) {
      // It was empty, and went at this moment: it is made again at the next try.
      if (systemCode(error) === 'ENOENT') folders.forget(folder)
      throw diskError(error, `put ${from} among the dead letters`)
    }
    system.log.error({ code: 'SPOOL_DAMAGED', path: from, channel }, 'the large body of a dead letter is gone')
  }

  #add(letter: DeadLetter, at: number): Promise<unknown> {
    const { channel, priority, origin, node, stream, position, entry, reason, code, attempts, to } = letter
    const source = { origin, node, stream, from: position, to: position + 1, order: position, priority }
    const by = this.#spool.node
    const dead = { stream, position, reason, code, by, ...(to !== undefined && { to }), attempts, at }
    const folder = this.#spool.dead(channel)
    if (!this.#since.has(folder)) this.#since.set(folder, this.#spool.system.clock.ticks())
    // In this order and in one go: the two share a commit.
    return this.#cache.use(folder, journal =>
      Promise.all([journal.appendRange({ source, entries: [entry], count: 1 }), journal.appendMark({ dead })])
    )
  }
}

/** The dead letters of a channel, those that came first first; each once. */
export async function readDead(spool: Spool, channel: string): Promise<FoundLetter[]> {
  const found = new Map<string, FoundLetter>()
  const { files } = spool.system
  const folder = spool.dead(channel)
  try {
    for (const { path } of await listSegments(files, folder)) {
      const reader = await SegmentReader.open(files, path)
      if (reader === undefined) continue
      try {
        for await (const { source, payload } of wholeFrames(reader)) takeFrame(found, source, payload)
      } finally {
        await reader.close()
      }
    }
  } catch (error) {
    throw diskError(error, `read ${folder}`)
  }
  return [...found.values()]
}

function takeFrame(found: Map<string, FoundLetter>, source: Source | undefined, payload: Buffer): void {
  for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
    if (source !== undefined && payload[at + 8] === MESSAGE) {
      const key = `${source.stream} ${source.from}`
      if (!found.has(key))
        found.set(key, {
          source,
          entry: Buffer.from(payload.subarray(at, at + entryBytes(payload, at))),
          note: undefined
        })
    }
    const note = payload[at + 8] === MARK ? deathNoteOf(decodeNote(payload, at)) : undefined
    const letter = note && found.get(`${note.stream} ${note.position}`)
    if (letter !== undefined) letter.note ??= note
  }
}

/** Why a message was given up, and which, as its mark says. */
export function deathNoteOf(mark: unknown): (DeathNote & { stream: string; position: number }) | undefined {
  if (typeof mark !== 'object' || mark === null || !Object.hasOwn(mark, 'dead')) return undefined
  const { dead } = mark as { dead: unknown }
  return typeof dead === 'object' && dead !== null
    ? (dead as DeathNote & { stream: string; position: number })
    : undefined
}
