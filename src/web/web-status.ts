import type { Spool } from '../spool/spool.ts'
import type { WebStatus } from './options.ts'

const BYTES_MAX = 16_777_216

/**
 * What the node knows of its channels and peers, as `dropr status --json` has it. Of the peers it knows what the client daemon
 * wrote last: `seenAt` says when; without it nothing is known.
 */
export async function webStatus(options: {
  spool: Spool
  peers: Iterable<string>
  depths: () => readonly object[]
}): Promise<WebStatus> {
  const { spool, peers, depths } = options
  const said = await clientSays(spool)
  const known = new Map(said.peers.map(peer => [peer.name, { ...peer, seenAt: said.at }]))
  return { node: spool.node, channels: depths(), peers: [...peers].map(name => known.get(name) ?? { name }) }
}

async function clientSays({ system, run }: Spool): Promise<{ at?: number; peers: { name: string }[] }> {
  try {
    const bytes = await system.files.read(`${run}/client.json`, BYTES_MAX)
    const { at, peers } = JSON.parse(bytes.toString()) as { at?: number; peers?: { name: string }[] }
    return { ...(at !== undefined && { at }), peers: peers ?? [] }
  } catch {
    return { peers: [] }
  }
}
