import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { decodeMessage, encodeMessage, entryBytes, messageBytesMost } from '../src/journal/entry.ts'
import { Ids } from '../src/journal/ids.ts'
import { segmentParts } from '../src/journal/segment-parts.ts'
import { SegmentReader } from '../src/journal/segment-reader.ts'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { DUE_HEADER, ScheduleIntake } from '../src/scheduler/index.ts'
import { bucketName, bucketStart } from '../src/scheduler/levels.ts'
import { OpenSegment } from '../src/scheduler/open-segment.ts'
import { OutboxWriter } from '../src/spool/outbox-writer.ts'
import { Spool } from '../src/spool/spool.ts'
import { WriterLife } from '../src/spool/writer-life.ts'
import { nodeSystem } from '../src/system/node-system.ts'

export const DAY_MS = 86_400_000
export const TO = 'absent'
const CHANNEL = 'bench'

/** A spool with one who sends, for the time of `use`. */
export async function withSender<T>(
  folder: string,
  name: string,
  use: (sender: Sender) => Promise<T>,
  shards = 1
): Promise<T> {
  const place = path.join(folder, name)
  mkdirSync(place, { mode: 0o700 })
  const sender = await Sender.open(place, shards)
  try {
    return await use(sender)
  } finally {
    await sender.close()
    rmSync(place, { recursive: true, force: true })
  }
}

export function openSpool(place: string): Promise<Spool> {
  return Spool.open({ system: nodeSystem(), path: place, node: 'bench', limits: DEFAULT_LIMITS })
}

/** Sends now, or for later. */
export class Sender {
  readonly spool: Spool
  readonly ids: Ids
  readonly #life: WriterLife
  readonly #outbox: OutboxWriter
  readonly #intake: ScheduleIntake

  private constructor(spool: Spool, life: WriterLife, shards: number) {
    this.spool = spool
    this.#life = life
    this.ids = new Ids(spool.system.clock, spool.system.random)
    const { writer } = life
    this.#outbox = new OutboxWriter({ spool, writer, ids: this.ids })
    this.#intake = new ScheduleIntake({ spool, writer, ids: this.ids, shards })
  }

  static async open(place: string, shards = 1): Promise<Sender> {
    const spool = await openSpool(place)
    return new Sender(spool, await WriterLife.begin(spool), shards)
  }

  later(body: string, at: number): Promise<string> {
    return this.#intake.append(this.draft(body, at), id => id)
  }

  draft(body: string, at: number) {
    const due = { at, to: TO, channel: CHANNEL, priority: 4 }
    return { kind: 'text' as const, body, sentAt: this.spool.system.clock.now(), due }
  }

  /** `inFlight` callers, each sending its next message when its last one is safe. */
  async all(job: { messages: number; inFlight: number }, send: (n: number) => Promise<unknown>): Promise<number> {
    let sent = 0
    const caller = async () => {
      while (sent < job.messages) await send(sent++)
    }
    await Promise.all(Array.from({ length: job.inFlight }, caller))
    return sent
  }

  async close(): Promise<void> {
    await this.#intake.close()
    await this.#outbox.close()
    await this.#life.close()
  }
}

/** Puts messages into day buckets as a scheduler would have, evenly over `days`, without the way through the intake. */
export async function holdInBulk(
  sender: Sender,
  job: { messages: number; days: number; body: string; fromMs: number }
): Promise<string[]> {
  const { spool, ids } = sender
  const some: string[] = []
  const perDay = Math.ceil(job.messages / job.days)
  const every = Math.max(1, Math.floor(job.messages / 100))
  let made = 0
  for (let day = 0; day < job.days; day++) {
    const start = bucketStart(job.fromMs, DAY_MS) + day * DAY_MS
    const folder = `${spool.path}/schedule/day/${bucketName(start, DAY_MS)}`
    for (let inDay = 0; inDay < perDay && made < job.messages; ) {
      const segment = await OpenSegment.create(spool, { folder, level: 'day', writer: 'bulk' })
      while (!segment.full && inDay < perDay && made < job.messages) {
        const at = start + Math.floor(((inDay++ * 7_919) % perDay) * (DAY_MS / perDay))
        const id = ids.next()
        const draft = sender.draft(job.body, at)
        const into = Buffer.allocUnsafe(messageBytesMost(draft))
        segment.add(into.subarray(0, encodeMessage(draft, ids, into, 0)))
        if (made++ % every === every >> 1) some.push(id)
      }
      await segment.commit()
      await segment.seal()
    }
  }
  return some
}

/** Every message in the outbox: when it was due, and when its frame was written. */
export async function handedOver(sender: Sender): Promise<{ due: number; at: number; body: string }[]> {
  const { files } = sender.spool.system
  const folder = `${sender.spool.path}/outbox/${TO}/bench/4`
  const found: { due: number; at: number; body: string }[] = []
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const reader = await SegmentReader.open(files, path.join(folder, name))
    if (reader === undefined) continue
    for await (const part of segmentParts(reader)) {
      if (part.kind !== 'frame') continue
      const { payload, at: writtenAt } = part.frame
      for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
        const { headers, body } = decodeMessage(payload, at)
        found.push({ due: Date.parse(headers[DUE_HEADER]!), at: writtenAt, body: body.toString('latin1', 0, 20) })
      }
    }
    await reader.close()
  }
  return found
}
