import { DroprError } from '../errors.ts'
import { CHANNEL_DEFAULT, PRIORITY } from '../message.ts'
import { checkPeer, checkUserChannel, nearest } from '../names.ts'
import { said } from './options.ts'

/** Where a message goes: one folder of the outbox. The same object for the same three, so that it can be a key. */
export interface Destination {
  readonly peer: string
  readonly channel: string
  readonly priority: number
}

/** Beyond so many, what was checked is forgotten and checked again: channels named by outsiders must not fill the memory. */
const KNOWN_MAX = 10_000

/** Checks names once and remembers the answer: a send to a known place costs two look-ups. */
export class Destinations {
  readonly #node: string
  readonly #peers: ReadonlyMap<string, unknown>
  readonly #checkChannel: (channel: unknown) => string
  /** By peer, then by channel: one place a priority. */
  readonly #known = new Map<string, Map<string, (Destination | undefined)[]>>()
  #count = 0
  /** No `to`, no channel, no priority. */
  readonly usual: Destination

  /** @param check Which channels may be sent to. */
  constructor(
    node: string,
    peers: ReadonlyMap<string, unknown>,
    check: (channel: unknown) => string = checkUserChannel
  ) {
    this.#node = node
    this.#peers = peers
    this.#checkChannel = check
    this.usual = this.find(node, CHANNEL_DEFAULT, PRIORITY.default)
  }

  /**
   * @param to A peer's name; this node's own or undefined for this node.
   * @throws TypeError for a bad name or priority; DroprError PEER_UNKNOWN.
   */
  find(to: unknown, channel: unknown, priority: unknown): Destination {
    const peer = to ?? this.#node
    const name = channel ?? CHANNEL_DEFAULT
    const rank = priority ?? PRIORITY.default
    const found = this.#known.get(peer as string)?.get(name as string)?.[rank as number]
    return found !== undefined && typeof rank === 'number' ? found : this.#check(peer, name, rank)
  }

  #check(to: unknown, named: unknown, rank: unknown): Destination {
    const peer = checkPeer(to, 'to')
    const channel = this.#checkChannel(named)
    if (!Number.isInteger(rank) || (rank as number) < PRIORITY.min || (rank as number) > PRIORITY.max) {
      throw new TypeError(`priority must be a whole number from ${PRIORITY.min} to ${PRIORITY.max}, got ${said(rank)}`)
    }
    if (peer !== this.#node && !this.#peers.has(peer)) throw this.#unknown(peer)
    const priority = rank as number
    const destination = { peer, channel, priority }
    this.#remember(destination)
    return destination
  }

  #remember(destination: Destination): void {
    if (++this.#count > KNOWN_MAX) {
      this.#known.clear()
      this.#count = 1
    }
    const channels = this.#known.get(destination.peer) ?? new Map<string, (Destination | undefined)[]>()
    this.#known.set(destination.peer, channels)
    const ranks = channels.get(destination.channel) ?? Array.from({ length: PRIORITY.max + 1 }, () => undefined)
    channels.set(destination.channel, ranks)
    ranks[destination.priority] = destination
  }

  #unknown(peer: string): DroprError {
    const near = nearest(peer, this.#peers.keys())
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    return new DroprError('PEER_UNKNOWN', `no peer named ${peer} is configured${hint}`)
  }
}
