import { basename } from 'node:path'
import type { Clock } from '../system/clock.ts'
import { type LeaseBook, type LeaseHolder, partsOf } from './lease-book.ts'

/** Who a consumer is, in its own words. */
export interface ConsumerAbout {
  pid: number
  /** The file that it runs. */
  program: string
  /** When it looked for the inbox first, wall ms. */
  since: number
}

/** One that is attached to the inbox: docs/cli.md. */
export interface ConsumerStatus extends ConsumerAbout {
  /** That it has asked for. */
  channels: string[]
  /** Messages that it has and has said nothing of, by channel. */
  holds: { channel: string; messages: number }[]
}

interface Attaching extends LeaseHolder {
  readonly about: ConsumerAbout | undefined
  readonly channels: ReadonlySet<string>
}

/** In an answer; who holds most comes first. */
const SHOWN_MAX = 1_000
const PROGRAM_CHARACTERS = 100

/** The consumers that are attached, in this process and in others. */
export class Attached {
  readonly #book: LeaseBook
  readonly #all = new Set<Attaching>()

  constructor(book: LeaseBook) {
    this.#book = book
  }

  add(consumer: Attaching): void {
    this.#all.add(consumer)
  }

  delete(consumer: Attaching): void {
    this.#all.delete(consumer)
  }

  get size(): number {
    let size = 0
    for (const { about } of this.#all) if (about !== undefined) size++
    return size
  }

  status(): ConsumerStatus[] {
    const held = this.#held()
    const shown: { status: ConsumerStatus; sum: number }[] = []
    for (const consumer of this.#all) {
      const { about, channels } = consumer
      if (about === undefined) continue
      const holds = [...(held.get(consumer) ?? [])].map(([channel, messages]) => ({ channel, messages }))
      const sum = holds.reduce((all, { messages }) => all + messages, 0)
      shown.push({ status: { ...about, channels: [...channels], holds }, sum })
    }
    shown.sort((a, b) => b.sum - a.sum || a.status.since - b.status.since || a.status.pid - b.status.pid)
    return shown.slice(0, SHOWN_MAX).map(({ status }) => status)
  }

  #held(): Map<LeaseHolder, Map<string, number>> {
    const held = new Map<LeaseHolder, Map<string, number>>()
    for (const lease of this.#book.all()) {
      if (lease.holder === undefined) continue
      const counts = held.get(lease.holder) ?? new Map<string, number>()
      held.set(lease.holder, counts)
      for (const { channel, part } of partsOf(lease)) {
        let messages = 0
        for (const { from, to } of part.pieces) messages += to - from
        if (messages > 0) counts.set(channel.name, (counts.get(channel.name) ?? 0) + messages)
      }
    }
    return held
  }
}

/** What this process says of itself. */
export function aboutThis(clock: Clock): ConsumerAbout {
  const program = basename(process.argv[1] ?? process.title).slice(0, PROGRAM_CHARACTERS)
  return { pid: process.pid, program, since: clock.now() }
}

/** What another one has said; undefined when it is not of this version, or nonsense. */
export function aboutSaid(said: unknown): ConsumerAbout | undefined {
  const { pid, program, since } = (said ?? {}) as Partial<Record<keyof ConsumerAbout, unknown>>
  if (!Number.isSafeInteger(pid) || typeof program !== 'string' || !Number.isSafeInteger(since)) return undefined
  return { pid: pid as number, program: program.slice(0, PROGRAM_CHARACTERS), since: since as number }
}
