import { join } from 'node:path'
import { pausedPeers } from '../spool/paused-peers.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { askClient } from './ask-client.ts'
import { backlogsOf } from './backlogs.ts'
import { loadCallConfig } from './call-config.ts'
import { openOutbox, spoolThere } from './ls-rooms.ts'

/** A peer, for `peer ls --json`; docs/cli.md. */
export interface PeerRow {
  name: string
  url?: string
  /** `unconfigured`: messages lie here for it, and nobody knows where it is. `stopped`: nobody sends. */
  state: string
  since?: number
  pausedAt?: number
  lastAckAt?: number
  pending: number
  oldestAt?: number
  nextTryAt?: number
  failures: number
  lastError?: { code: string; text: string; at: number }
}

/** What src/client/client-status.ts says of a peer, as far as it is shown; it comes from another process. */
interface Says extends Omit<PeerRow, 'pending' | 'lastAckAt' | 'oldestAt'> {
  backlog?: { depth: number; oldestAt?: number }
  traffic?: { lastAckAt?: number }
}

export interface Peers {
  /** Somebody sends. */
  running: boolean
  rows: PeerRow[]
}

/** All that are configured, that the client knows, or for whom messages lie here. */
export async function readPeers(call: Call<object>): Promise<Peers> {
  const system = nodeSystem()
  const { spool } = call
  const [{ node }, config] = [await spoolThere(system, spool), await loadCallConfig(call, system.files)]
  const paused = await pausedPeers(system.files, spool)
  const status = (await askClient(system, join(spool, 'run'), { op: 'status' })) as { peers: Says[] } | undefined
  const says = new Map(status?.peers.map(peer => [peer.name, peer]))
  const waits = await waitingFor(call, says)
  const rows = [...new Set([...config.peers.keys(), ...says.keys(), ...waits.keys(), ...paused.keys()])]
    .filter(name => name !== node)
    .sort()
    .map(name => {
      const url = says.get(name)?.url ?? config.peers.get(name)?.url
      const state = url === undefined ? 'unconfigured' : 'stopped'
      const known = rowOf(name, says.get(name)) ?? { name, state, pending: 0, failures: 0, ...waits.get(name) }
      const pausedAt = paused.get(name)
      return {
        ...known,
        ...(url === undefined ? {} : { url }),
        ...(pausedAt === undefined ? {} : { state: 'paused', pausedAt })
      }
    })
  return { running: status !== undefined, rows }
}

/** The client counts by itself; of others the files are read. */
async function waitingFor(
  { spool }: Call<object>,
  says: ReadonlyMap<string, Says>
): Promise<Map<string, { pending: number; oldestAt: number }>> {
  const rooms = (await openOutbox(nodeSystem(), spool)).filter(({ peer }) => !says.has(peer!))
  const waits = new Map<string, { pending: number; oldestAt: number }>()
  for (const { peer, depth, oldestAt } of await backlogsOf(rooms)) {
    const known = waits.get(peer!) ?? { pending: 0, oldestAt }
    waits.set(peer!, { pending: depth + known.pending, oldestAt: Math.min(oldestAt, known.oldestAt) })
  }
  return waits
}

function rowOf(name: string, says: Says | undefined): PeerRow | undefined {
  if (says === undefined) return undefined
  const { state, since, pausedAt, nextTryAt, failures, lastError, backlog, traffic } = says
  const { oldestAt } = backlog ?? {}
  const { lastAckAt } = traffic ?? {}
  return {
    name,
    state,
    ...(since === undefined ? {} : { since }),
    ...(pausedAt === undefined ? {} : { pausedAt }),
    ...(lastAckAt === undefined ? {} : { lastAckAt }),
    pending: backlog?.depth ?? 0,
    ...(oldestAt === undefined ? {} : { oldestAt }),
    ...(nextTryAt === undefined ? {} : { nextTryAt }),
    failures,
    ...(lastError === undefined ? {} : { lastError })
  }
}
