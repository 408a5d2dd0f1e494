import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelOptions } from './channel-inbox.ts'

export interface InboxOptions extends Pick<ChannelOptions, 'bury' | 'tell'> {
  spool: Spool
  /** Of the owner's lock: above that of every owner before. */
  epoch: number
  limits: Limits
  /** See ChannelState. */
  exactMax?: number
}
