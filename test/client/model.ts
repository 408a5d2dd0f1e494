import type { StreamSource } from '../../src/client/stream-source.ts'
import { decodeMessage, encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import type { Ids } from '../../src/journal/ids.ts'
import type { ArrivingRange, Refusal } from '../../src/server/arriving.ts'
import type { KnownStream, RangeStore } from '../../src/server/receiver.ts'
import type { Range } from '../../src/spool/range.ts'
import type { SimRandom } from '../../src/system/sim/index.ts'

const NO_IDS = undefined as unknown as Ids

/** The entry of a position: its id says which it is. `bytes` of body. */
export function entryOf(position: number, bytes = position % 40): Buffer {
  const draft = { id: `m-${position}`, sentAt: 1, kind: 'bytes', body: Buffer.alloc(bytes, position % 251) } as const
  const into = Buffer.alloc(messageBytesMost(draft))
  return into.subarray(0, encodeMessage(draft, NO_IDS, into, 0))
}

export function entriesOf(from: number, to: number): Buffer {
  const entries: Buffer[] = []
  for (let position = from; position < to; position++) entries.push(entryOf(position))
  return Buffer.concat(entries)
}

export function idsIn(entries: Buffer): string[] {
  const ids: string[] = []
  for (let at = 0; at < entries.length; at += entries.readUInt32LE(at)) ids.push(decodeMessage(entries, at).id)
  return ids
}

/** An outbox segment in memory. `entries[p]` undefined: position p was skipped (expired). */
export class ModelStream implements StreamSource {
  readonly stream: string
  readonly channel: string
  readonly priority: number
  ended: number | undefined
  readonly entries: (Buffer | undefined)[] = []
  reads = 0
  /** Awaited by each read. */
  delay: () => Promise<void> = async () => undefined

  constructor(name: { stream: string; channel?: string; priority?: number }) {
    this.stream = name.stream
    this.channel = name.channel ?? 'common'
    this.priority = name.priority ?? 4
  }

  append(...entries: (Buffer | undefined)[]): void {
    this.entries.push(...entries)
  }

  appendMany(count: number): void {
    for (let i = 0; i < count; i++) this.append(entryOf(this.entries.length))
  }

  async read(from: number, bytesMax: number): Promise<Range | undefined> {
    this.reads++
    await this.delay()
    if (from >= this.entries.length) return undefined
    let to = from
    if (this.entries[from] === undefined) {
      while (to < this.entries.length && this.entries[to] === undefined) to++
      return { from, to, skip: 'expired' }
    }
    const taken: Buffer[] = []
    let bytes = 0
    for (let entry = this.entries[to]; entry !== undefined && (to === from || bytes + entry.length <= bytesMax); ) {
      taken.push(entry)
      bytes += entry.length
      entry = this.entries[++to]
    }
    return { from, to, count: to - from, entries: Buffer.concat(taken) }
  }
}

interface Kept extends KnownStream {
  next: number
  /** What lies at each position: an id, or why there is no message. */
  at: string[]
  refused: Refusal[]
}

/** The inbox in memory. Appends are durable when they resolve; one that fails may have been stored all the same. */
export class ModelStore implements RangeStore {
  readonly streams = new Map<string, Kept>()
  delay: () => Promise<void> = async () => undefined
  /** Throws when an append shall fail. */
  fail: () => void = () => undefined

  stream(id: string): Kept | undefined {
    return this.streams.get(id)
  }

  async appendRange(range: ArrivingRange): Promise<number> {
    const kept = this.streams.get(range.stream)
    if (range.from !== (kept?.next ?? 0)) throw new Error(`appended at ${range.from}, stream is at ${kept?.next}`)
    await this.delay()
    this.fail()
    if (range.from !== (this.streams.get(range.stream)?.next ?? 0)) throw new Error('the disk was lost meanwhile')
    const stream = kept ?? this.#begin(range)
    if (range.skip) for (let at = range.from; at < range.to; at++) stream.at.push(`skip ${range.skip}`)
    else stream.at.push(...this.#takenFrom(range))
    stream.refused.push(...(range.refused ?? []))
    stream.next = range.to
    return stream.next
  }

  /** The disk is lost, or put back from a backup: the stream ends at `next`. */
  fallBack(stream: string, next: number): void {
    const kept = this.streams.get(stream)
    if (kept === undefined) return
    kept.next = Math.min(kept.next, next)
    kept.at.length = kept.next
    kept.refused = kept.refused.filter(({ at }) => at < next)
  }

  #takenFrom(range: ArrivingRange): string[] {
    const refused = new Map((range.refused ?? []).map(one => [one.at, one]))
    const taken: string[] = []
    for (let i = 0; i + 1 < range.offsets.length; i++) {
      const refusal = refused.get(range.from + i)
      taken.push(refusal ? `refused ${refusal.code}` : decodeMessage(range.entries, range.offsets[i]!).id)
    }
    return taken
  }

  #begin({ origin, node, stream, channel, priority }: ArrivingRange): Kept {
    const refused: Refusal[] = []
    const kept: Kept = {
      origin,
      node,
      channel,
      priority,
      next: 0,
      at: [],
      refused,
      refusals: settled => kept.refused.filter(({ at }) => at >= settled)
    }
    this.streams.set(stream, kept)
    return kept
  }
}

export function randomDelay(
  random: SimRandom,
  sleep: (ms: number) => Promise<void>,
  msMax: number
): () => Promise<void> {
  return () => sleep(random.between(0, msMax))
}
