import type { Queue } from '../queue/queue.ts'
import { queueOn } from '../queue/queue-on.ts'
import { Owner } from '../server/owner.ts'
import type { Route } from '../server/route.ts'
import type { Config } from '../spool/config.ts'
import type { Spool } from '../spool/spool.ts'
import { webRoutes } from './web-routes.ts'
import { webStatus } from './web-status.ts'

/** The doors of a spool's server, and the queue behind them. */
export interface Web {
  readonly queue: Queue
  readonly doors: Route[]
  /** Ends long polls, and gives back what is held. To be closed before the server, which would wait for them. */
  close(): Promise<void>
}

/** @param options.depths Of the inbox's owner, which starts later. */
export async function openWeb(options: {
  spool: Spool
  config: Config
  depths: () => readonly object[]
}): Promise<Web> {
  const { spool, config, depths } = options
  const { clock, random } = spool.system
  const queue = await queueOn({ spool, config, owner: Owner })
  const status = () => webStatus({ spool, peers: config.peers.keys(), depths })
  const doors = webRoutes({ queue, clock, random, limits: config.limits, status, compat: config.compat })
  return { queue, doors, close: () => queue.close({ within: 0 }) }
}
