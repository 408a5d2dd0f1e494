import { checkChannel } from '../names.ts'

/** Channels a peer may send to: by name, or `prefix*`. */
export type ChannelRights = readonly string[]

/** Who may send to this node, and where. */
export interface AcceptConfig {
  /** Name and SHA-256 of the token, 64 hex digits. */
  accept: Map<string, string>
  /** Of those that may not send to every channel. */
  rights?: Map<string, ChannelRights>
}

const PATTERNS_MAX = 1_000

/** What a stronger source says of a peer stands for the whole of it. */
export function joinAccept(into: AcceptConfig, from: Required<AcceptConfig>): void {
  for (const [peer, digest] of from.accept) {
    into.accept.set(peer, digest)
    const rights = from.rights.get(peer)
    if (rights === undefined) into.rights?.delete(peer)
    else into.rights = (into.rights ?? new Map()).set(peer, rights)
  }
}

/** Whether a channel is one of those. No rights named: every channel is. */
export function mayChannel(rights: ChannelRights | undefined, channel: string): boolean {
  if (rights === undefined) return true
  return rights.some(right => (right.endsWith('*') ? channel.startsWith(right.slice(0, -1)) : channel === right))
}

/** Throws a TypeError that names the setting. */
export function parseRights(given: unknown, name: string): ChannelRights {
  if (!Array.isArray(given) || given.length > PATTERNS_MAX)
    throw new TypeError(`${name} must be a list of channels, such as ["orders/*", "common"]`)
  for (const right of given) {
    if (typeof right !== 'string') throw new TypeError(`${name} must hold names of channels, got ${typeof right}`)
    const prefix = right.endsWith('*') ? right.slice(0, -1) : right
    if (prefix.includes('*')) throw new TypeError(`${name} must have * only at the end, got ${JSON.stringify(right)}`)
    if (right !== '*') checkChannel(prefix)
  }
  return given
}
