import { DroprError, diskError } from '../errors.ts'
import { Ids as MessageIds } from '../journal/ids.ts'
import { Alarm } from '../system/alarm.ts'
import type { ArrivingRange } from './arriving.ts'
import { Attached } from './attached.ts'
import { type ChannelDepth, depthOf, depthsOf } from './channel-depth.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { Channels } from './channels.ts'
import { Claims } from './claims.ts'
import { cleanInbox } from './clean-turn.ts'
import { FirstLook } from './first-look.ts'
import { InboxBlobs } from './inbox-blobs.ts'
import type { InboxOptions } from './inbox-options.ts'
import type {
  Claim,
  ClaimRequest,
  ClaimRun,
  PeekRequest,
  SteerRequest,
  SteerResult,
  Verdict,
  VerdictResult
} from './inbox-port.ts'
import type { LeaseHolder } from './lease-book.ts'
import { LeaseDesk } from './lease-desk.ts'
import { LocalPort } from './local-port.ts'
import { peekChannel } from './peek.ts'
import type { PeerShare } from './peer-shares.ts'
import { markRemoved } from './removed-streams.ts'
import { steer } from './steer.ts'
import type { StreamState } from './stream-state.ts'

/** All channels of the inbox, in the one process that owns it: what arrived, who has it, what became of it. */
export class Inbox {
  readonly #options: InboxOptions
  readonly #channels: Channels
  readonly #desk: LeaseDesk
  readonly #claims: Claims
  readonly #alarm: Alarm
  readonly #blobs: InboxBlobs
  readonly firstLook = new FirstLook()
  readonly attached: Attached
  #closed = false

  private constructor(options: InboxOptions, channels: Channels) {
    const { clock } = options.spool.system
    this.#options = options
    this.#channels = channels
    this.#blobs = new InboxBlobs(options.spool, options.limits)
    this.#desk = new LeaseDesk(clock, () => channels.anyClosed)
    const { book } = this.#desk
    this.attached = new Attached(book)
    this.#claims = new Claims({ clock, epoch: channels.epoch, book, onDeadline: () => this.#setAlarm() })
    this.#alarm = new Alarm(clock, () => this.#tick())
  }

  /**
   * Takes the inbox over from whoever owned it before; only the holder of the lock may. Resolved: everything in it is known,
   * and what may not have been synced is.
   *
   * @throws DroprError DISK_*
   */
  static async open(options: InboxOptions): Promise<Inbox> {
    const { spool } = options
    const { clock, random } = spool.system
    let inbox: Inbox | undefined
    try {
      const channels = await Channels.open({
        ...options,
        ids: new MessageIds(clock, random),
        onReady: channel => (inbox === undefined ? undefined : inbox.#ready(channel)),
        onOpen: channel => (inbox === undefined ? undefined : inbox.#inherit([channel]))
      })
      inbox = new Inbox(options, channels)
      inbox.#inherit(channels.all())
      return inbox
    } catch (error) {
      throw diskError(error, `open the inbox of ${spool.path}`)
    }
  }

  /** What is known of a stream, undefined for one never heard of; and how far it is on our disk. */
  readonly stream = (id: string): StreamState | undefined => this.#channels.stream(id)
  readonly next = (id: string): number => this.#channels.next(id)
  readonly opening = (channel: string) => this.#channels.opening(channel)

  /**
   * Resolves, with how far the stream is here, when the range is synced. Several ranges of a stream may be under way, in order.
   *
   * @throws UploadFailure STREAM_CONFLICT with `next`; DroprError MESSAGE_MALFORMED when the stream is another's, DISK_*, CLOSED.
   */
  async appendRange(range: ArrivingRange): Promise<number> {
    this.#open()
    this.stream(range.stream)?.check(range)
    return (this.#channels.ready(range.channel) ?? (await this.#channels.get(range.channel))).append(range)
  }

  /** See `markRemoved`. */
  removed(streams: readonly string[], node: string): Promise<string[]> {
    return markRemoved(this.#channels, streams, { node, now: this.#options.spool.system.clock.now() })
  }

  streams(): Iterable<StreamState> {
    return this.#channels.streams()
  }

  /** Removes what is finished and past its retention. Gives how many segments went. */
  clean(): Promise<number> {
    return cleanInbox({ ...this.#options, channels: this.#channels, blobs: this.#blobs }, () => this.#closed)
  }

  /** A consumer. `own`: it is in this process, and dies with it. */
  port(options: { own: boolean }): LocalPort {
    return new LocalPort(this, options.own)
  }

  /** A consumer that an earlier owner gave leases to says which it still holds, and for how long. Gives those it does not. */
  async adopt(holder: LeaseHolder, held: readonly { lease: string; remainingMs: number }[]): Promise<string[]> {
    this.#open()
    const lost = await this.#desk.adopt(holder, held)
    this.#setAlarm()
    return lost
  }

  depthOf(channel: string): number {
    return depthOf(this.#channels.ready(channel))
  }

  shareOf(node: string): PeerShare {
    return this.#channels.shares.of(node)
  }

  depths(): ChannelDepth[] {
    return depthsOf(this.#channels.all())
  }

  async ask(
    holder: LeaseHolder,
    own: boolean,
    request: ClaimRequest,
    signal?: AbortSignal
  ): Promise<{ claim: Claim; late: boolean }> {
    this.#open()
    const channels: ChannelInbox[] = []
    for (const name of new Set(request.channels))
      channels.push(this.#channels.ready(name) ?? (await this.#channels.get(name)))
    this.#open()
    const answer = this.#claims.claim({ holder, own, channels, request }, signal)
    this.#setAlarm()
    const claim = await answer
    if (claim.lease !== '' || this.firstLook.isOver || signal?.aborted) return { claim, late: signal?.aborted === true }
    // What was sent before is there, and comes in at this moment: nothing is not yet the answer.
    await this.firstLook.over(signal)
    return await this.ask(holder, own, { ...request, waitMs: 0 }, signal)
  }

  async peek(request: PeekRequest): Promise<ClaimRun[]> {
    return await peekChannel(await this.channel(request.channel), request)
  }

  async steer(request: SteerRequest): Promise<SteerResult> {
    this.#open()
    return await steer(this.#channels, request, this.firstLook)
  }

  channel(name: string): Promise<ChannelInbox> {
    this.#open()
    return this.#channels.get(name)
  }

  async settle(verdicts: readonly Verdict[]): Promise<VerdictResult[]> {
    this.#open()
    const results = await Promise.all(
      verdicts.map(async verdict => {
        const channel = this.#channels.ready(verdict.channel) ?? (await this.#channels.get(verdict.channel))
        return await channel.verdicts.settle(verdict)
      })
    )
    for (const id of new Set(verdicts.map(verdict => verdict.lease))) this.#desk.book.check(id)
    return results
  }

  extend(ids: readonly string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    this.#open()
    const extended = this.#desk.extend(ids, leaseMs)
    this.#setAlarm()
    return extended
  }

  /** Gives back all that a consumer holds. Resolves when synced. */
  readonly release = (holder: LeaseHolder): Promise<void> => this.#desk.release(holder)

  /** A consumer died: what it holds comes back at once, as a failed attempt. */
  readonly gone = (holder: LeaseHolder): void => this.#desk.gone(holder)

  /** The policies of channels may be other ones now. */
  repolicied(): void {
    for (const channel of this.#channels.all()) this.#ready(channel)
  }

  /** Ends waiting, and closes the journals. Leases stay, on disk, for the next owner. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#alarm.close()
    for (const asking of this.#claims.waiting()) {
      this.#claims.cancel(asking)
      asking.resolve(Promise.reject(new DroprError('CLOSED', 'the inbox has another owner now')))
    }
    try {
      await this.#desk.keepOwn(this.#channels.all())
    } finally {
      await this.#channels.close()
    }
  }

  #open(): void {
    if (this.#closed) throw new DroprError('CLOSED', 'the inbox is closed')
  }

  #inherit(channels: readonly ChannelInbox[]): void {
    this.#desk.inherit(channels)
    this.#tick()
  }

  #ready(channel: ChannelInbox): void {
    this.#claims.serve(channel)
    this.#alarm.set(channel.state.shelves.nextDue)
    this.#alarm.set(this.#desk.firstEnd)
    this.#alarm.set(this.#claims.firstPaced)
  }

  #tick(): void {
    if (this.#closed) return
    const ticks = this.#options.spool.system.clock.ticks()
    this.#desk.endDue()
    for (const channel of this.#channels.all()) if (channel.state.wake(ticks)) this.#claims.serve(channel)
    this.#claims.servePaced()
    this.#claims.expire(ticks)
    this.#setAlarm()
    for (const channel of this.#channels.all()) this.#alarm.set(channel.state.shelves.nextDue)
  }

  #setAlarm(): void {
    this.#alarm.set(this.#desk.firstEnd)
    this.#alarm.set(this.#claims.firstDeadline)
    this.#alarm.set(this.#claims.firstPaced)
  }
}
