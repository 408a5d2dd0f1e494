import { Owner } from '../server/owner.ts'
import { keepAlive } from '../system/keep-alive.ts'
import type { Queue } from './queue.ts'
import { openSpool, type QueueOptions, queueOn } from './queue-on.ts'

export type { QueueOptions } from './queue-on.ts'

const OPTIONS = new Set(['spool', 'config', 'log', 'node', 'storage', 'system'])

/** Opens a spool to send and to receive. Needs no daemon: who polls first owns the inbox, others attach to it. */
export async function openQueue(options: QueueOptions = {}): Promise<Queue> {
  const letGo = keepAlive()
  try {
    return await queueOn({ ...(await openSpool(options, OPTIONS, 'openQueue')), owner: Owner })
  } finally {
    letGo()
  }
}
