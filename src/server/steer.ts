import type { ChannelInbox } from './channel-inbox.ts'
import type { Channels } from './channels.ts'
import type { PauseMark, ResumeMark } from './inbox-marks.ts'
import type { SteerRequest, SteerResult } from './inbox-port.ts'

/** Does what an operator asks for. Resolves when synced: it holds after a power cut, for this owner and the next. */
export async function steer(channels: Channels, { act, channel: name }: SteerRequest): Promise<SteerResult> {
  const channel = channels.ready(name) ?? (await channels.get(name))
  const { state } = channel
  const before = state.pausedAt
  if ((before !== undefined) === (act === 'pause')) {
    // Whoever asked for the same before may still wait for the disk.
    await channel.steered
    return { changed: 0 }
  }
  channel.steered = act === 'pause' ? pause(channel) : resume(channel)
  await channel.steered
  channel.onReady()
  return { changed: 1 }
}

/** It holds at once, and not after all if it cannot be written. */
function pause({ state, journal, now }: ChannelInbox): Promise<void> {
  const mark: PauseMark = { m: 'pause', t: now() }
  state.pausedAt = mark.t
  return journal.mark(mark, () => {
    state.pausedAt = undefined
  })
}

function resume({ state, journal, now }: ChannelInbox): Promise<void> {
  const mark: ResumeMark = { m: 'resume', t: now() }
  const before = state.pausedAt
  state.pausedAt = undefined
  return journal.mark(mark, () => {
    state.pausedAt = before
  })
}
