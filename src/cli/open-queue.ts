import { join } from 'node:path'
import { findDaemons } from '../angel/hold.ts'
import type { Queue } from '../queue/queue.ts'
import { type OwnerDoor, openSpool, queueOn } from '../queue/queue-on.ts'
import type { Owner, OwnOptions } from '../server/owner.ts'
import type { Config } from '../spool/config.ts'
import type { Spool } from '../spool/spool.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'

const OPTIONS = new Set(['spool', 'config', 'system'])

/**
 * The queue that a command works with, on the spool and with the configuration that were named.
 *
 * @param to Peers that will be sent to. Those that only `up --peer` was told of are asked from the daemons.
 */
export async function openCallQueue(call: Call<object>, to: readonly string[] = []): Promise<Queue> {
  const system = nodeSystem()
  const config = await loadCallConfig(call, system.files)
  if (to.some(peer => !config.peers.has(peer))) await addRunningPeers(config, system, call.spool)
  const opened = await openSpool({ spool: call.spool, config, system }, OPTIONS, 'openQueue')
  return await queueOn({ ...opened, owner: lazyOwner() })
}

/**
 * Sending needs no owner of the inbox, whose code is half of dropr's, and who looks into the inbox beside daemons reaches
 * theirs: it is loaded by whom nobody else owns the inbox for. (Not so in the library, which stays in its process for long: what
 * cannot be loaded once, as the process has too many files open, cannot be loaded later either.)
 */
function lazyOwner(): OwnerDoor {
  let owner: typeof Owner | undefined
  const here = (spool: Spool) => owner?.here(spool)
  const take = async (options: OwnOptions) => {
    owner = (await import('../server/owner.ts')).Owner
    return await owner.take(options)
  }
  return {
    here,
    attach: async options => await (await import('../server/attach-inbox.ts')).attachInbox(options, { here, take })
  }
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
