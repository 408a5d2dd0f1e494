import { join } from 'node:path'
import { findDaemons } from '../angel/hold.ts'
import { openQueue } from '../queue/open-queue.ts'
import type { Queue } from '../queue/queue.ts'
import type { Config } from '../spool/config.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'

/**
 * The queue that a command works with, on the spool and with the configuration that were named.
 *
 * @param to Peers that will be sent to. Those that only `up --peer` was told of are asked from the daemons.
 */
export async function openCallQueue(call: Call<object>, to: readonly string[] = []): Promise<Queue> {
  const system = nodeSystem()
  const config = await loadCallConfig(call, system.files)
  if (to.some(peer => !config.peers.has(peer))) await addRunningPeers(config, system, call.spool)
  return await openQueue({ spool: call.spool, config })
}

async function addRunningPeers(config: Config, system: System, spool: string): Promise<void> {
  const holder = await findDaemons(system, join(spool, 'run')).catch(() => undefined)
  holder?.line.end()
  const { peerUrls } = (holder?.about ?? {}) as { peerUrls?: unknown }
  if (typeof peerUrls !== 'object' || peerUrls === null) return
  for (const [name, url] of Object.entries(peerUrls)) {
    if (!config.peers.has(name) && typeof url === 'string') config.peers.set(name, { name, url })
  }
}
