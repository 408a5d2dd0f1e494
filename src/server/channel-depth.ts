import { isOurs } from '../names.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { ChannelCounts } from './shelves.ts'

export interface ChannelDepth extends ChannelCounts {
  channel: string
  /** Wall ms when the oldest message that waits was received, about. */
  oldestAt: number | undefined
  /** Nothing is handed out until somebody resumes it. */
  paused: boolean
}

/** Messages of a channel that are not finished; 0 for one that is not open. */
export function depthOf(channel: ChannelInbox | undefined): number {
  if (channel === undefined) return 0
  const { pending, leased, delayed, held } = channel.state.counts
  return pending + leased + delayed + held
}

export function depthsOf(channels: readonly ChannelInbox[]): ChannelDepth[] {
  const users = channels.filter(
    channel => !isOurs(channel.name) && (channel.remains === undefined || depthOf(channel) > 0)
  )
  return users.map(({ name, state }) => {
    return { channel: name, ...state.counts, oldestAt: state.oldestAt, paused: state.pausedAt !== undefined }
  })
}
