import { type DroprError, diskError } from '../errors.ts'
import type { Ids as MessageIds } from '../journal/ids.ts'
import { listSegments } from '../journal/segment-names.ts'
import type { Limits } from '../limits.ts'
import { policyOf } from '../spool/channel-policy.ts'
import { readRemoved, removedChannels } from '../spool/removed-channels.ts'
import type { Spool } from '../spool/spool.ts'
import { BlockReader } from './block-reader.ts'
import type { FoldInto } from './channel-fold.ts'
import { ChannelInbox, type ChannelOptions } from './channel-inbox.ts'
import { finishRemoval } from './channel-removal.ts'
import { ChannelState } from './channel-state.ts'
import { Ids } from './ids.ts'
import { InboxJournal } from './inbox-journal.ts'
import { OffsetBudget } from './offset-budget.ts'
import { learnOwners } from './parking.ts'
import { PeerShares } from './peer-shares.ts'
import { Remains } from './remains.ts'
import type { StreamState } from './stream-state.ts'
import { copyTails, readChannel } from './take-over.ts'

/** Channels read at once: the disk has few threads. */
const READ_AT_ONCE = 8
/** A channel that could not be opened is tried again so much later, when somebody asks for it. */
const AGAIN_MS = 1_000

export interface ChannelsOptions extends Pick<ChannelOptions, 'bury' | 'tell'> {
  spool: Spool
  epoch: number
  limits: Limits
  ids: MessageIds
  /** See ChannelState. */
  exactMax?: number | undefined
  onReady: (channel: ChannelInbox) => void
  /** A channel was opened. */
  onOpen: (channel: ChannelInbox) => void
}

/** The channels that are open, and those that cannot be opened: one bad folder does not keep the others closed (P7). */
export class Channels {
  readonly #options: ChannelsOptions
  readonly #open = new Map<string, ChannelInbox>()
  readonly #opening = new Map<string, Promise<ChannelInbox>>()
  readonly #broken = new Map<string, { error: DroprError; ticks: number }>()
  readonly #budget = new OffsetBudget()
  readonly #streams = new Map<string, StreamState>()
  /** What waits, by peer. */
  readonly shares = new PeerShares()
  readonly #reader: BlockReader
  /** Ids that callers gave, over all channels. */
  readonly known: Ids
  /** Above that of every owner whose segments are here, also when run/ was emptied meanwhile. */
  epoch: number

  private constructor(options: ChannelsOptions) {
    const { system } = options.spool
    this.#options = options
    this.epoch = options.epoch
    this.#reader = new BlockReader(options.spool, this.#budget)
    this.known = new Ids({ clock: system.clock, memoryMs: options.limits.idMemoryMs })
  }

  /** Opens every channel there is. */
  static async open(options: ChannelsOptions): Promise<Channels> {
    const channels = new Channels(options)
    const { spool } = options
    const names = [...new Set([...(await spool.inboxChannels()), ...(await removedChannels(spool))])]
    await eachOf(names, name => channels.#learnEpoch(name))
    await eachOf(names, async name => {
      await channels.get(name).catch(() => undefined)
    })
    return channels
  }

  /** The channel, if it is open. */
  ready(name: string): ChannelInbox | undefined {
    return this.#open.get(name)
  }

  /** @throws DroprError what keeps it from being opened. */
  get(name: string): Promise<ChannelInbox> {
    const opening = this.#opening.get(name) ?? this.#open.get(name)
    if (opening !== undefined) return Promise.resolve(opening)
    const { system } = this.#options.spool
    const broken = this.#broken.get(name)
    if (broken !== undefined && system.clock.ticks() < broken.ticks + AGAIN_MS) return Promise.reject(broken.error)
    const promise = this.#openChannel(name).then(
      channel => {
        this.#broken.delete(name)
        this.#opening.delete(name)
        this.#open.set(name, channel)
        this.#options.onOpen(channel)
        return channel
      },
      (reason: unknown) => {
        const error = diskError(reason, `open channel ${JSON.stringify(name)}`)
        this.#broken.set(name, { error, ticks: system.clock.ticks() })
        this.#opening.delete(name)
        system.log.error({ code: error.code, channel: name }, `a channel cannot be opened: ${error.message}`)
        throw error
      }
    )
    this.#opening.set(name, promise)
    return promise
  }

  /** Of a channel that is not open yet, or could not be opened: what its streams say may not be durable. Rejects as `get` does. */
  opening(name: string): Promise<unknown> | undefined {
    return this.#isClosed(name) ? this.get(name) : undefined
  }

  /** How far a stream is on our disk: while its channel is not open, what is known of it may not be. */
  next(id: string): number {
    const stream = this.stream(id)
    return stream === undefined || this.#isClosed(stream.channel) ? 0 : stream.next
  }

  #isClosed(name: string): boolean {
    return this.#opening.has(name) || this.#broken.has(name)
  }

  /** Whether there is a channel that could not be opened, or not yet. */
  get anyClosed(): boolean {
    return this.#broken.size > 0 || this.#opening.size > 0
  }

  all(): ChannelInbox[] {
    return [...this.#open.values()]
  }

  stream(id: string): StreamState | undefined {
    return this.#streams.get(id)
  }

  /** Of all open channels. */
  streams(): Iterable<StreamState> {
    return this.#streams.values()
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#opening.values())
    const closed = await Promise.allSettled(this.all().map(channel => channel.close()))
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  }

  async #learnEpoch(name: string): Promise<void> {
    const { spool } = this.#options
    const removed = await readRemoved(spool, name).catch(() => undefined)
    this.epoch = Math.max(this.epoch, (removed?.epoch ?? 0) + 1)
    const segments = await listSegments(spool.system.files, spool.inbox(name)).catch(() => [])
    for (const { writer } of segments) {
      const epoch = /^e([0-9]{1,15})$/.exec(writer)
      if (epoch !== null) this.epoch = Math.max(this.epoch, Number(epoch[1]) + 1)
    }
  }

  async #openChannel(name: string): Promise<ChannelInbox> {
    const { spool, limits, ids, bury, tell, onReady } = this.#options
    const { system } = spool
    const folder = spool.inbox(name)
    const state = new ChannelState({
      budget: this.#budget,
      index: this.#streams,
      shares: this.shares,
      exactMax: this.#options.exactMax
    })
    const into: FoldInto = {
      channel: name,
      state,
      ids: this.known,
      now: system.clock.now(),
      ticks: system.clock.ticks(),
      finished: new Map(),
      moved: new Map()
    }
    const removed = await readRemoved(spool, name)
    if (removed !== undefined) await finishRemoval(spool, into, removed)
    const { segments, tails } = await readChannel(spool, folder, into)
    const after = Math.max((await listSegments(system.files, folder)).at(-1)?.n ?? 0, removed?.through ?? 0)
    const writer = `e${this.epoch}`
    const { blocks, folders, id } = spool
    const journal = new InboxJournal({ blocks, system, folders, folder, writer, spool: id, limits, ids, after })
    await copyTails(tails, journal, into, segments)
    await learnOwners(state, this.#reader)
    const channel = new ChannelInbox({
      name,
      epoch: this.epoch,
      system,
      policy: () => policyOf(name, { limits, channels: spool.channels }),
      journal,
      state,
      ids: this.known,
      reader: this.#reader,
      segments,
      bury,
      tell
    })
    channel.onReady = () => onReady(channel)
    if (removed !== undefined) new Remains(spool, channel, removed).rest()
    return channel
  }
}

async function eachOf<T>(list: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  let at = 0
  const work = async () => {
    while (at < list.length) await act(list[at++]!)
  }
  await Promise.all(Array.from({ length: READ_AT_ONCE }, work))
}
