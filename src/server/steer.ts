import { typedError } from '../errors.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { Channels } from './channels.ts'
import type { FirstLook } from './first-look.ts'
import { hold } from './hold.ts'
import type { PauseMark, ResumeMark } from './inbox-marks.ts'
import type { SteerRequest, SteerResult } from './inbox-port.ts'

/** Does what an operator asks for. Resolves when synced: it holds after a power cut, for this owner and the next. */
export async function steer(channels: Channels, request: SteerRequest, firstLook: FirstLook): Promise<SteerResult> {
  try {
    return await carriedOut(channels, request, firstLook)
  } catch (error) {
    throw typedError(error, `${request.act} in the inbox`)
  }
}

async function carriedOut(channels: Channels, request: SteerRequest, firstLook: FirstLook): Promise<SteerResult> {
  if ('id' in request) {
    // What was sent before is there: it may just not have come in.
    await firstLook.over(undefined)
    return await holdIn(channels, request)
  }
  const { act, channel: name } = request
  const channel = channels.ready(name) ?? (await channels.get(name))
  const { state } = channel
  if ((state.pausedAt !== undefined) === (act === 'pause')) {
    // By a wish that is still on its way to the disk, or by one that failed and may be there all the same.
    await channel.journal.certain()
    return { found: 1, changed: 0 }
  }
  await (act === 'pause' ? pause(channel) : resume(channel))
  channel.onReady()
  return { found: 1, changed: 1 }
}

async function holdIn(
  channels: Channels,
  { act, id, channel: name }: Extract<SteerRequest, { id: string }>
): Promise<SteerResult> {
  const where = name === undefined ? channels.all() : [channels.ready(name) ?? (await channels.get(name))]
  const result = { found: 0, changed: 0 }
  for (const channel of where) {
    const { found, changed } = await hold(channel, { id, held: act === 'hold' })
    result.found += found
    result.changed += changed
  }
  return result
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
