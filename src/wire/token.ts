import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../system/random.ts'

/** A new secret for one peer: 256 random bits, 43 characters of base64url. Its owner sends it, the other side keeps its digest. */
export function newToken(random: Random): string {
  return random.bytes(32).toString('base64url')
}

/** What the accepting side keeps: SHA-256 of the token's text. */
export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The accepted peers by their digests. */
export type Accepted = ReadonlyMap<string, Buffer>

/** @param accept Peer name to 64 hex digits. @throws TypeError naming the peer whose digest is none. */
export function acceptedFrom(accept: ReadonlyMap<string, string>): Accepted {
  const accepted = new Map<string, Buffer>()
  for (const [peer, digest] of accept) {
    if (!/^[0-9a-f]{64}$/i.test(digest)) throw new TypeError(`accept.${peer} must be a SHA-256 in 64 hex digits`)
    accepted.set(peer, Buffer.from(digest, 'hex'))
  }
  return accepted
}

/** Whose token this is. Takes as long for a wrong one as for a right one. */
export function peerOfToken(token: string, accepted: Accepted): string | undefined {
  const given = tokenDigest(token)
  let found: string | undefined
  for (const [peer, digest] of accepted) if (timingSafeEqual(given, digest)) found = peer
  return found
}
