import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import type { ArrivingRange, Refusal } from '../../src/server/arriving.ts'
import type { KnownStream, RangeStore } from '../../src/server/receiver.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { streamConflict } from '../../src/wire/upload-failure.ts'

const ids = new Ids(new SimClock(), new SimRandom('ids'))

export const ORIGIN = 'a'.repeat(32)
export const STREAM = '5'.repeat(32)

/** Entries whose bodies are these texts. */
export function entriesOf(...bodies: (string | Draft)[]): Buffer {
  return Buffer.concat(
    bodies.map(body => {
      const draft: Draft = typeof body === 'string' ? { sentAt: 1, kind: 'text', body } : body
      const into = Buffer.alloc(messageBytesMost(draft))
      // Ids are written as the journal does it: the last one given.
      ids.next()
      return into.subarray(0, encodeMessage(draft, ids, into, 0))
    })
  )
}

let nonces = 0

export function uploadOf(changes: Partial<UploadRequest> = {}): UploadRequest {
  return {
    origin: ORIGIN,
    node: 'berlin',
    stream: STREAM,
    channel: 'common',
    priority: 4,
    from: 0,
    nonce: `nonce-${String(++nonces).padStart(16, '0')}`,
    settled: 0,
    entries: Buffer.alloc(0),
    whole: true,
    ...changes
  }
}

interface StoredStream extends KnownStream {
  next: number
  refused: Refusal[]
  /** By position; undefined for what was skipped or refused. */
  entries: (Buffer | undefined)[]
}

/** The least that an inbox is: keeps what it is told, in memory, and checks that it is told in order. */
export class MemoryStore implements RangeStore {
  readonly streams = new Map<string, StoredStream>()
  /** Ranges as they were appended. */
  readonly ranges: ArrivingRange[] = []
  /** Called before each append; may wait, or throw. */
  before: (range: ArrivingRange) => Promise<void> | void = () => undefined

  stream(id: string): KnownStream | undefined {
    return this.streams.get(id)
  }

  async appendRange(range: ArrivingRange): Promise<number> {
    await this.before(range)
    const stream = this.streams.get(range.stream) ?? newStream(range)
    if (range.from !== stream.next) throw streamConflict(stream.next, 'out of order')
    this.streams.set(range.stream, stream)
    this.ranges.push(range)
    for (let at = range.from; at < range.to; at++) {
      const i = at - range.from
      const kept = range.skip === undefined && !range.refused?.some(one => one.at === at)
      stream.entries.push(
        kept ? Buffer.from(range.entries.subarray(range.offsets[i]!, range.offsets[i + 1]!)) : undefined
      )
    }
    stream.refused.push(...(range.refused ?? []))
    stream.next = range.to
    return stream.next
  }

  bytesOf(id: string): Buffer {
    return Buffer.concat((this.streams.get(id)?.entries ?? []).filter(entry => entry !== undefined))
  }
}

function newStream({ origin, node, channel, priority }: ArrivingRange): StoredStream {
  const refused: Refusal[] = []
  const refusals = (settled: number) => refused.filter(({ at }) => at >= settled)
  return { origin, node, channel, priority, next: 0, refused, entries: [], refusals }
}
