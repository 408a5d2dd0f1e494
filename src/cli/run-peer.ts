import { join } from 'node:path'
import { DroprError } from '../errors.ts'
import { pausePeer, resumePeer } from '../spool/paused-peers.ts'
import { Spool } from '../spool/spool.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { askClient } from './ask-client.ts'
import { loadCallConfig } from './call-config.ts'
import { columns, humanMs } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import type { PeerChangeOptions } from './peer.ts'
import { type PeerRow, readPeers } from './peer-rows.ts'
import { UsageError } from './usage-error.ts'

export async function runPeerLs(call: Call<object>): Promise<number> {
  const { out } = call
  const { rows } = await readPeers(call)
  if (out.json) for (const row of rows) await out.value(row)
  else if (rows.length > 0) await out.line(peerTable(rows, nodeSystem().clock.now()))
  else out.note('no peers: name them in dropr.json, or with `dropr up --peer name=url`')
  return rows.length > 0 ? EXIT.done : EXIT.nothing
}

export async function runPeerKick(call: Call<PeerChangeOptions>): Promise<number> {
  const { out, spool } = call
  const wanted = await wantedPeers(call)
  const system = nodeSystem()
  let running = false
  for (const peer of wanted) {
    const kicked = await askClient(system, join(spool, 'run'), { op: 'kick', peer })
    running = kicked !== undefined
    const done = Array.isArray(kicked) && kicked.includes(peer)
    if (out.json) await out.value({ peer, running, kicked: done })
    else if (running)
      await out.line(done ? `${peer} is tried now` : `${peer} is paused, or the client does not know it`)
  }
  if (!running && !out.json) out.note('nobody sends from this spool: `dropr up` does, and tries at once')
  return running ? EXIT.done : EXIT.stopped
}

export function runPeerPause(call: Call<PeerChangeOptions>): Promise<number> {
  return change(call, async (spool, peer) => ({ paused: true, pausedAt: await pausePeer(spool, peer) }))
}

export function runPeerResume(call: Call<PeerChangeOptions>): Promise<number> {
  return change(call, async (spool, peer) => ({ paused: false, was: await resumePeer(spool, peer) }))
}

/** Durable first, then told to the client, which would find it by itself within `scanMs`. */
async function change(
  call: Call<PeerChangeOptions>,
  make: (spool: Spool, peer: string) => Promise<{ paused: boolean }>
): Promise<number> {
  const { out } = call
  const wanted = await wantedPeers(call)
  const system = nodeSystem()
  const { limits } = await loadCallConfig(call, system.files)
  const spool = await Spool.open({ system, path: call.spool, limits })
  const done: [string, { paused: boolean }][] = []
  for (const peer of wanted) done.push([peer, await make(spool, peer)])
  const told = await askClient(system, spool.run, { op: 'paused' })
  for (const [peer, made] of done) {
    if (out.json) await out.value({ peer, ...made, running: told !== undefined })
    else await out.line(`${peer} is ${made.paused ? 'paused' : 'sent to'}`)
  }
  return EXIT.done
}

async function wantedPeers(call: Call<PeerChangeOptions>): Promise<string[]> {
  const name = call.args[0]
  if ((name === undefined) !== (call.options.all === true)) throw new UsageError('name a peer, or give --all')
  const { rows } = await readPeers(call)
  const names = rows.map(row => row.name)
  if (name === undefined) return names
  if (!names.includes(name)) throw new DroprError('PEER_UNKNOWN', `nobody here knows a peer ${name}`)
  return [name]
}

export function peerTable(rows: readonly PeerRow[], now: number): string {
  const ago = (at: number | undefined) => (at === undefined ? '-' : `${humanMs(Math.max(0, now - at))} ago`)
  const cells = rows.map(({ name, state, lastAckAt, pending, oldestAt, nextTryAt, lastError, url }) => [
    name,
    state,
    ago(lastAckAt),
    String(pending),
    ago(oldestAt),
    nextTryAt === undefined ? '-' : `in ${humanMs(Math.max(0, nextTryAt - now))}`,
    lastError === undefined ? '-' : `${lastError.code}: ${lastError.text}`,
    url ?? '-'
  ])
  return columns([['PEER', 'STATE', 'LAST ACK', 'WAITING', 'OLDEST', 'NEXT TRY', 'LAST ERROR', 'URL'], ...cells])
}
