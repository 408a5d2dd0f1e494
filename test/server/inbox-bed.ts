import { expect } from 'vitest'
import { checkEntries } from '../../src/journal/check-entries.ts'
import { decodeMessage, encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { type ChannelPolicy, limitsFrom } from '../../src/limits.ts'
import type { ArrivingRange } from '../../src/server/arriving.ts'
import type { DeadLetter } from '../../src/server/burial.ts'
import { Inbox } from '../../src/server/inbox.ts'
import type { Claim } from '../../src/server/inbox-port.ts'
import type { Tell } from '../../src/server/outcomes.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimClock, SimRandom, SimWorld } from '../../src/system/sim/index.ts'

export const ORIGIN = 'aa'.repeat(16)
const IDS = new Ids(new SimClock(), new SimRandom('ids'))

export interface DraftOf {
  body?: string
  id?: string
  key?: string
  expiresAt?: number
  receipt?: true
}

/** A range as a peer would send it. */
export function rangeOf(
  stream: string,
  from: number,
  drafts: readonly DraftOf[],
  more: Partial<ArrivingRange> = {}
): ArrivingRange {
  const parts = drafts.map(({ body = 'x', id, key, expiresAt, receipt }) => {
    if (id === undefined) IDS.next()
    const draft = { kind: 'text' as const, body, sentAt: 1, id, key, expiresAt, receipt }
    const into = Buffer.alloc(messageBytesMost(draft))
    return into.subarray(0, encodeMessage(draft, IDS, into, 0))
  })
  const entries = Buffer.concat(parts)
  const { offsets } = checkEntries(entries, { entryBytesMax: 1e9, messagesOnly: true })
  return {
    origin: ORIGIN,
    node: 'sender',
    stream: streamId(stream),
    channel: 'c',
    priority: 4,
    from,
    to: from + drafts.length,
    entries,
    offsets,
    ...more
  }
}

export function streamId(name: string): string {
  return Buffer.from(name.padEnd(16, '_')).toString('hex').slice(0, 32)
}

export function texts(count: number, prefix = 'm'): DraftOf[] {
  return Array.from({ length: count }, (_, i) => ({ body: `${prefix}${i}` }))
}

/** A simulated machine with a spool, and the inbox in it. */
export class InboxBed {
  readonly world: SimWorld
  readonly limits: ReturnType<typeof limitsFrom>
  readonly channels = new Map<string, Partial<ChannelPolicy>>()
  readonly dead: DeadLetter[] = []
  buryError: Error | undefined
  /** Where outcomes go; without it nobody is told. */
  tell: Tell | undefined
  epoch = 0
  inbox!: Inbox

  readonly exactMax: number | undefined

  constructor(seed: number | string, limits: Record<string, number> = {}, exactMax?: number) {
    this.exactMax = exactMax
    this.world = new SimWorld({ seed, latencyMs: [0, 0] })
    this.limits = limitsFrom(limits)
  }

  get node() {
    return this.world.node('a')
  }

  get process() {
    return this.node.process('owner')
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.world.clock.until(promise)
  }

  async open(): Promise<Inbox> {
    const { limits, channels } = this
    const spool = await this.until(Spool.open({ system: this.process, path: '/spool', node: 'here', limits, channels }))
    this.epoch++
    const bury = async (_channel: string, letters: DeadLetter[]) => {
      if (this.buryError) throw this.buryError
      this.dead.push(...letters)
    }
    this.inbox = await this.until(
      Inbox.open({
        spool,
        epoch: this.epoch,
        limits,
        bury,
        tell: this.tell,
        ...(this.exactMax !== undefined && { exactMax: this.exactMax })
      })
    )
    return this.inbox
  }

  /** The owner's process is killed, and a new one takes over. */
  async restart(options: { powerCut?: boolean; inOrder?: boolean } = {}): Promise<Inbox> {
    if (options.inOrder) await this.until(this.inbox.close()).catch(() => undefined)
    if (options.powerCut) this.node.powerCut()
    else this.process.kill()
    return this.open()
  }

  ask(max = 10, more: Partial<Parameters<ReturnType<Inbox['port']>['claim']>[0]> = {}) {
    return { channels: ['c'], max, bytesMax: 1e9, leaseMs: 60_000, waitMs: 0, ...more }
  }
}

export function positions(claim: Claim): number[] {
  return claim.runs.flatMap(run => Array.from({ length: run.count }, (_, i) => run.from + i))
}

export function bodies(bed: InboxBed, claim: Claim): string[] {
  return claim.runs.flatMap(run => {
    const bytes = bed.node.disk.peek(run.path)!.subarray(run.at, run.at + run.bytes)
    const found: string[] = []
    for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at))
      found.push(decodeMessage(bytes, at).body.toString())
    expect(found.length).toBe(run.count)
    return found
  })
}

export function verdict(claim: Claim, kind: 'ack' | 'retry' | 'release' | 'reject', more: object = {}) {
  return claim.runs.map(({ channel, stream, from, count }) => ({
    lease: claim.lease,
    channel,
    stream,
    runs: [[from, from + count] as [number, number]],
    verdict: kind,
    ...more
  }))
}
