import type { Hit } from './flips.ts'
import { type Later, mayStay } from './later.ts'

/** One message as its sender means it. Sent again under the same id it is still one. */
export interface Sent {
  readonly token: number
  readonly from: string
  readonly to: string
  readonly channel: string
  readonly priority: number
  /** Given by the caller. */
  readonly id: string | undefined
  /** What consumers do with it. */
  fate: Fate
  readonly expiresAt: number | undefined
  /** One of a key at a time, in order. */
  readonly key: string | undefined
  /** Sent as a stream, too large for an entry: it lies in a file of its own. */
  readonly streamed: boolean
  /** Its sender wants to hear what becomes of it. */
  readonly receipt: boolean
  /** Sent without a sync: a power cut at its sender may take it. */
  readonly buffered: boolean
  readonly body: string
  /** The order to be kept: messages of one lane come in the order of their calls. */
  readonly lane: string
  /** Calls in the order of this lane: the first and the last for this message. */
  firstCall: number
  lastCall: number
  /** Sent again by a later process: its place in the order is open. */
  moved: boolean
  /** Simulated time of the first call that was resolved. */
  resolvedAt: number | undefined
  /** Stream and position under which it entered the inbox. */
  place: string | undefined
  handOuts: HandOut[]
  /** The lease under which it was finished, as its consumer was told. */
  finished: { lease: Fence; verdict: string } | undefined
  /** Its sender was told that the node it is for has it. */
  delivered: boolean
  /** A consumer said that it is done, whether or not it was heard. */
  acked: boolean
  /** Its sender was told that it was given up. */
  toldDead: boolean
  /** An operator has asked that it comes again, and how often in all. */
  redriven: boolean
  redrives: number
  /** The operator was told that it does. */
  awaited: boolean
  /** An operator was told that it is taken out of what is sent: it may come all the same. */
  cancelled: boolean
  /** It was buffered when the power went at its sender. */
  mayBeLost: boolean
  /** Found among the dead letters. */
  dead: string | undefined
  /** What was asked of one that is held until it is due. */
  later: Later | undefined
  /** Where bits of it were turned, on disks. */
  readonly hits: Hit[]
  /** Sites at which it was told that it is lost: it is named in corrupt/. */
  readonly lostAt: Set<string>
}

/**
 * `plain`: acknowledged. `poison`: its handler always throws. `killer`: its consumer dies. `reject`: its consumer rejects it.
 * `large`: its receiver refuses it.
 */
export type Fate = 'plain' | 'poison' | 'killer' | 'reject' | 'large'

/** A lease's token, as numbers: a later hand-out has a higher one. */
export type Fence = readonly [epoch: number, number: number]

export interface HandOut {
  lease: Fence
  /** Place among the messages of its claim. */
  index: number
  deliveries: number
  consumer: string
  at: number
}

export function fenceOf(lease: string): Fence {
  const [epoch, number] = lease.split('.').map(Number)
  return [epoch!, number!]
}

export function compareFences(one: Fence, other: Fence): number {
  return one[0] - other[0] || one[1] - other[1]
}

/** Bodies say which message they are. */
export function tokenOf(body: string): number {
  return Number(body.slice(0, body.indexOf('|')))
}

/** A body in a file of its own is not looked into: a header says it too. */
export const TOKEN_HEADER = 'token'

/** NaN for what is no message of anybody's. */
export function tokenIn({ body, headers }: { body: Buffer; headers: Readonly<Record<string, string>> }): number {
  return headers[TOKEN_HEADER] === undefined && body.length === 0
    ? Number.NaN
    : Number(headers[TOKEN_HEADER] ?? tokenOf(body.toString()))
}

/** Every message of a run. */
export class Ledger {
  readonly all: Sent[] = []
  readonly #calls = new Map<string, number>()

  add(
    what: Pick<Sent, 'from' | 'to' | 'channel' | 'priority' | 'id' | 'fate' | 'expiresAt' | 'lane'> &
      Partial<Pick<Sent, 'key' | 'buffered' | 'receipt' | 'streamed'>>,
    size: number
  ): Sent {
    const token = this.all.length
    const call = this.nextCall(what.lane)
    const sent: Sent = {
      key: undefined,
      buffered: false,
      receipt: false,
      streamed: false,
      ...what,
      token,
      body: `${token}|${what.fate}|`.padEnd(size, '.'),
      firstCall: call,
      lastCall: call,
      moved: false,
      resolvedAt: undefined,
      place: undefined,
      handOuts: [],
      finished: undefined,
      delivered: false,
      acked: false,
      toldDead: false,
      redriven: false,
      redrives: 0,
      awaited: false,
      cancelled: false,
      mayBeLost: false,
      dead: undefined,
      later: undefined,
      hits: [],
      lostAt: new Set()
    }
    this.all.push(sent)
    return sent
  }

  /** The power went at a node: what was only buffered there may be gone, wherever it was by then. */
  powerCut(node: string): void {
    for (const sent of this.all) if (sent.buffered && sent.from === node) sent.mayBeLost = true
  }

  /** Another message of its key may be there, and cannot come. */
  waitsFor({ key, to, channel, token }: Sent): boolean {
    if (key === undefined) return false
    const isBehind = (one: Sent) => one.key === key && one.to === to && one.channel === channel
    return this.all
      .slice(token + 1)
      .some(one => isBehind(one) && one.place === undefined && one.resolvedAt !== undefined)
  }

  /** Buffered, and gone for ever. */
  lost(): number {
    return this.all.filter(one => one.mayBeLost && one.resolvedAt !== undefined && !one.place && !one.dead).length
  }

  nextCall(lane: string): number {
    const call = (this.#calls.get(lane) ?? 0) + 1
    this.#calls.set(lane, call)
    return call
  }

  get(token: number): Sent | undefined {
    return this.all[token]
  }

  /** Those that must arrive and have not been seen anywhere. */
  missing(): Sent[] {
    return this.all.filter(
      sent =>
        sent.resolvedAt !== undefined &&
        sent.expiresAt === undefined &&
        (sent.awaited || (sent.handOuts.length === 0 && !sent.dead)) &&
        (sent.delivered || !sent.mayBeLost) &&
        !sent.cancelled &&
        sent.lostAt.size === 0 &&
        !(sent.later && mayStay(sent.later))
    )
  }
}
