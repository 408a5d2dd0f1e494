import type { Limits } from '../limits.ts'
import type { Backlog, ChannelBacklog } from '../spool/backlog.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { PeerBacklog } from './client-status.ts'

/** While an alarm lasts, the log says it again so often. */
const AGAIN_MS = 600_000
const CHANNELS_MAX = 100
const NOTHING: PeerBacklog = { depth: 0, bytes: 0, oldestAt: undefined, alarm: undefined, channels: [] }

/** Knows what waits for one peer, and raises the alarm when it is too old or too much. */
export class BacklogWatch {
  readonly #options: { peer: string; backlog: Backlog; limits: Limits; clock: Clock; log: Log }
  #now = NOTHING
  #saidAt: number | undefined

  constructor(options: { peer: string; backlog: Backlog; limits: Limits; clock: Clock; log: Log }) {
    this.#options = options
  }

  /** As of the last survey. */
  get now(): PeerBacklog {
    return this.#now
  }

  /** @returns Whether there is something to tell that was not so before. */
  async look(behind: boolean): Promise<boolean> {
    const { backlog, limits, clock, log, peer } = this.#options
    let channels: ChannelBacklog[]
    try {
      channels = await backlog.survey(behind)
    } catch (error) {
      log.warn({ code: 'OUTBOX_UNREADABLE', peer, error: String(error) }, 'cannot count what waits')
      return false
    }
    const before = this.#now
    this.#now = backlogOf(channels, { now: clock.now(), limits })
    this.#alarm()
    return before.depth !== this.#now.depth || before.alarm !== this.#now.alarm
  }

  #alarm(): void {
    const { clock, log, peer } = this.#options
    const { alarm, depth, bytes, oldestAt } = this.#now
    const ticks = clock.ticks()
    if (alarm === undefined) {
      if (this.#saidAt !== undefined) log.info({ peer, depth, bytes }, 'what waits for the peer is no alarm any more')
      this.#saidAt = undefined
      return
    }
    if (this.#saidAt !== undefined && ticks - this.#saidAt < AGAIN_MS) return
    this.#saidAt = ticks
    const ageMs = oldestAt === undefined ? 0 : clock.now() - oldestAt
    log.warn({ code: 'BACKLOG', peer, alarm, depth, bytes, ageMs }, 'too much waits for the peer, or for too long')
  }
}

/** Adds up channels, and judges them. */
export function backlogOf(
  channels: readonly ChannelBacklog[],
  judge: { now: number; limits: Pick<Limits, 'backlogMsMax' | 'backlogBytesMax'> }
): PeerBacklog {
  if (channels.length === 0) return NOTHING
  let depth = 0
  let bytes = 0
  let oldestAt = Number.POSITIVE_INFINITY
  for (const channel of channels) {
    depth += channel.depth
    bytes += channel.bytes
    oldestAt = Math.min(oldestAt, channel.oldestAt)
  }
  const { now, limits } = judge
  const old = now - oldestAt > limits.backlogMsMax
  const alarm = old ? 'age' : bytes > limits.backlogBytesMax ? 'bytes' : undefined
  const oldestFirst = [...channels].sort((a, b) => a.oldestAt - b.oldestAt)
  return { depth, bytes, oldestAt, alarm, channels: oldestFirst.slice(0, CHANNELS_MAX) }
}
