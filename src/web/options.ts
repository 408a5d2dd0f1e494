import type { Limits } from '../limits.ts'
import type { Queue } from '../queue/queue.ts'
import type { Compat } from '../spool/config-schema.ts'
import type { Clock } from '../system/clock.ts'
import type { Random } from '../system/random.ts'
import type { Holds } from './holds.ts'
import type { Waiting } from './waiting.ts'

export interface WebOptions {
  queue: Queue
  clock: Clock
  random: Random
  limits: Limits
  /** What GET /v1/status answers. */
  status: () => Promise<WebStatus>
  /** Calls of other systems, by the names of those. Default: none. */
  compat?: Compat | undefined
}

export interface WebStatus {
  node: string
  channels: readonly object[]
  peers: readonly object[]
}

/** What the routes work with. */
export interface WebDesk extends WebOptions {
  holds: Holds
  waiting: Waiting
}
