import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import type { Bury } from './burial.ts'

export interface InboxOptions {
  spool: Spool
  /** Of the owner's lock: above that of every owner before. */
  epoch: number
  limits: Limits
  bury: Bury
  /** See ChannelState. */
  exactMax?: number
}
