import { isIP } from 'node:net'
import type { ErrorCode } from '../errors.ts'
import { type Accepted, peerOfToken } from '../wire/token.ts'

/** What is known of a request before its body is read. */
export interface RequestFacts {
  host: string | undefined
  origin: string | undefined
  secFetchSite: string | undefined
  authorization: string | undefined
  /** `dropr-node`: who it says it is. */
  node: string | undefined
  /** The address it came from, and the one it came to. */
  remoteAddress: string | undefined
  localAddress: string | undefined
}

export interface GuardRules {
  /** Names (without ports) by which this server may be called, besides loopback's and the address a request came to. */
  hosts: ReadonlySet<string>
  /** Peers by the digests of their tokens. Empty: nobody from beyond loopback. */
  accepted: Accepted
  /** This node's own name: who has the token accepted under it acts for this node. */
  node?: string
}

export interface Rejection {
  status: number
  code: ErrorCode
  text: string
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?$/
const BEARER = /^bearer +([\x21-\x7e]{1,512})$/i
const SAME_SITE: ReadonlySet<string | undefined> = new Set([undefined, 'same-origin', 'none'])

/**
 * Whether this server is meant. A page of somebody else's, whose name was made to point here (DNS rebinding), says its own
 * name; an address cannot be made to point elsewhere, so the one that the request came to will do.
 */
export function refuseHost(facts: RequestFacts, rules: GuardRules): Rejection | undefined {
  const name = HOST.exec(facts.host?.toLowerCase() ?? '')?.[1]
  if (
    name !== undefined &&
    (LOOPBACK_NAMES.has(name) || rules.hosts.has(name) || name === addressName(facts.localAddress))
  )
    return undefined
  return { status: 421, code: 'REQUEST_BAD', text: 'this server does not go by that Host' }
}

/** Refuses what a browser sends for a page that is not ours. */
export function refuseForeignPage(facts: RequestFacts): Rejection | undefined {
  const { origin, host, secFetchSite } = facts
  const own = origin === undefined || (host !== undefined && [`http://${host}`, `https://${host}`].includes(origin))
  if (own && SAME_SITE.has(secFetchSite)) return undefined
  return { status: 403, code: 'REQUEST_BAD', text: 'requests from other pages are not taken' }
}

/** Who sends this, proven by its token; without any accepted peers, what somebody on this machine says. */
export function peerOf(facts: RequestFacts, rules: GuardRules): { peer: string } | Rejection {
  const { node } = facts
  if (node === undefined) return { status: 400, code: 'REQUEST_BAD', text: 'header dropr-node must be given' }
  if (rules.accepted.size === 0)
    return isLoopback(facts.remoteAddress) ? { peer: node } : forbidden('this node accepts no peers from elsewhere')
  const peer = tokenPeer(facts, rules)
  if (peer === undefined) return forbidden('no accepted token')
  return peer === node ? { peer } : forbidden('the token belongs to another node')
}

/** Whether the asker may see more than that this server lives: who may read messages here may (SEC-25). */
export function mayLook(facts: RequestFacts, rules: GuardRules): boolean {
  return refuseStranger(facts, rules) === undefined
}

/**
 * Refuses who may not act for this node: send in its name, take its messages. Without accepted peers that is somebody on this
 * machine; else who has the token that is accepted under this node's own name. A peer's token is for what that peer sends.
 */
export function refuseStranger(facts: RequestFacts, rules: GuardRules): Rejection | undefined {
  if (rules.accepted.size === 0)
    return isLoopback(facts.remoteAddress) ? undefined : forbidden('this node serves nobody from elsewhere')
  const peer = tokenPeer(facts, rules)
  if (peer === undefined) return forbidden('no accepted token')
  return peer === rules.node ? undefined : forbidden('this token is for uploads only')
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  if (address === 'localhost') return true
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

function tokenPeer({ authorization }: RequestFacts, { accepted }: GuardRules): string | undefined {
  const token = BEARER.exec(authorization ?? '')?.[1]
  return token === undefined ? undefined : peerOfToken(token, accepted)
}

function forbidden(text: string): Rejection {
  return { status: 401, code: 'PEER_FORBIDDEN', text }
}

/** An address as a Host header names it. */
function addressName(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return isIP(plain) === 6 ? `[${plain}]` : plain
}
