import { DroprError, diskError } from '../errors.ts'
import { Ids as MessageIds } from '../journal/ids.ts'
import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import { Alarm } from './alarm.ts'
import type { ArrivingRange } from './arriving.ts'
import type { Bury } from './burial.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { type ChannelCounts } from './channel-state.ts'
import { Channels } from './channels.ts'
import { Claims } from './claims.ts'
import type { KeepMark } from './inbox-marks.ts'
import type { Claim, ClaimRequest, Verdict, VerdictResult } from './inbox-port.ts'
import { LeaseBook, type BookedLease, type LeaseHolder, partsOf } from './lease-book.ts'
import { LocalPort } from './local-port.ts'
import type { StreamState } from './stream-state.ts'

/** How long an owner waits for the consumers of the one before it, which hold leases, to come back. */
export const GRACE_MS = 2_000

export interface InboxOptions {
  spool: Spool
  /** Of the owner's lock: above that of every owner before. */
  epoch: number
  limits: Limits
  bury: Bury
}

export interface ChannelDepth extends ChannelCounts {
  channel: string
  /** Wall ms when the oldest message that waits was received, about. */
  oldestAt: number | undefined
}

/** All channels of the inbox, in the one process that owns it: what arrived, who has it, what became of it. */
export class Inbox {
  readonly #options: InboxOptions
  readonly #channels: Channels
  readonly #book = new LeaseBook()
  readonly #claims: Claims
  readonly #alarm: Alarm
  readonly #ports = new Set<LocalPort>()
  #closed = false

  private constructor(options: InboxOptions, channels: Channels) {
    const { clock } = options.spool.system
    this.#options = options
    this.#channels = channels
    this.#claims = new Claims({ clock, epoch: channels.epoch, book: this.#book })
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
    const { clock } = spool.system
    let inbox: Inbox | undefined
    try {
      const channels = await Channels.open({
        ...options,
        ids: new MessageIds(clock, spool.system.random),
        onReady: channel => {
          if (inbox !== undefined) inbox.#ready(channel)
        },
        onOpen: channel => {
          if (inbox !== undefined) inbox.#inherit([channel])
        }
      })
      inbox = new Inbox(options, channels)
      inbox.#inherit(channels.all())
      return inbox
    } catch (error) {
      throw diskError(error, `open the inbox of ${spool.path}`)
    }
  }

  /** What is known of a stream; undefined for one never heard of. */
  stream(id: string): StreamState | undefined {
    return this.#channels.stream(id)
  }

  /**
   * Resolves, with how far the stream is here, when the range is synced. Several ranges of a stream may be under way, in order.
   *
   * @throws UploadFailure STREAM_CONFLICT with `next`; DroprError MESSAGE_MALFORMED when the stream is another's, DISK_*, CLOSED.
   */
  async appendRange(range: ArrivingRange): Promise<number> {
    this.#open()
    const known = this.stream(range.stream)
    if (known !== undefined && (known.origin !== range.origin || known.channel !== range.channel || known.priority !== range.priority))
      throw new DroprError('MESSAGE_MALFORMED', `stream ${range.stream} belongs to another origin, channel or priority`)
    const channel = this.#channels.ready(range.channel) ?? (await this.#channels.get(range.channel))
    return channel.append(range)
  }

  /** A consumer. `own`: it is in this process, and dies with it. */
  port(options: { own: boolean }): LocalPort {
    const port: LocalPort = new LocalPort(this, options.own, () => this.#ports.delete(port))
    this.#ports.add(port)
    return port
  }

  /** A consumer that an earlier owner gave leases to says which it still holds, and for how long. Gives those it does not. */
  adopt(holder: LeaseHolder, held: readonly { lease: string; remainingMs: number }[]): string[] {
    this.#open()
    const ticks = this.#options.spool.system.clock.ticks()
    const lost: string[] = []
    for (const { lease: id, remainingMs } of held) {
      const lease = this.#book.get(id)
      if (lease === undefined || (lease.holder !== undefined && lease.holder !== holder)) lost.push(id)
      else {
        lease.holder = holder
        this.#book.set(lease, ticks + Math.max(0, remainingMs))
      }
    }
    this.#setAlarm()
    return lost
  }

  depths(): ChannelDepth[] {
    return this.#channels.all().map(({ name, state }) => ({ channel: name, ...state.counts, oldestAt: state.oldestAt }))
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
    const { clock } = this.#options.spool.system
    let cancel: () => void = () => undefined
    const answer = new Promise<Claim>((resolve, reject) => {
      const asking = { holder, own, channels, request, resolve, deadline: clock.ticks() + request.waitMs }
      cancel = () => {
        if (this.#claims.cancel(asking)) reject(new DroprError('ABORTED', 'nobody waits for messages any more'))
      }
      if (signal?.aborted) return reject(new DroprError('ABORTED', 'nobody waits for messages any more'))
      this.#claims.ask(asking)
    })
    signal?.addEventListener('abort', cancel)
    this.#setAlarm()
    try {
      return { claim: await answer, late: signal?.aborted === true }
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  async settle(verdicts: readonly Verdict[]): Promise<VerdictResult[]> {
    this.#open()
    const results = await Promise.all(
      verdicts.map(verdict => this.#channels.ready(verdict.channel)?.verdicts.settle(verdict) ?? 'LEASE_LOST')
    )
    for (const id of new Set(verdicts.map(verdict => verdict.lease))) this.#book.check(id)
    return results
  }

  async extend(ids: readonly string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    this.#open()
    const { clock } = this.#options.spool.system
    const untilWall = clock.now() + leaseMs
    const lost: string[] = []
    const written: Promise<void>[] = []
    for (const id of ids) {
      const lease = this.#book.get(id)
      if (lease === undefined) {
        lost.push(id)
        continue
      }
      this.#book.set(lease, clock.ticks() + leaseMs)
      for (const { channel, part } of partsOf(lease)) {
        part.untilWall = untilWall
        written.push(channel.journal.mark({ m: 'keep', l: id, u: untilWall }))
      }
    }
    this.#setAlarm()
    await Promise.all(written)
    return { lost, untilWall }
  }

  /** Gives back all that a consumer holds. Resolves when synced. */
  async release(holder: LeaseHolder): Promise<void> {
    const leases = this.#book.of(holder)
    await Promise.all(leases.flatMap(lease => partsOf(lease).map(({ channel, part }) => channel.verdicts.release(part))))
    for (const { id } of leases) this.#book.check(id)
  }

  /** A consumer died: what it holds comes back at once, as a failed attempt. */
  gone(holder: LeaseHolder): void {
    for (const lease of this.#book.of(holder)) this.#lapse(lease, 'consumer gone')
  }

  /** Ends the leases that this process holds nothing by, and closes the journals. Leases stay, on disk, for the next owner. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#alarm.close()
    for (const asking of this.#claims.waiting()) {
      this.#claims.cancel(asking)
      asking.resolve(Promise.reject(new DroprError('CLOSED', 'the inbox has another owner now')))
    }
    await this.#keepOwn().finally(() => this.#channels.close())
  }

  /** This process goes on: what it holds itself must not be taken for a dead one's. */
  async #keepOwn(): Promise<void> {
    const marks: Promise<void>[] = []
    for (const channel of this.#channels.all())
      for (const { id, own, untilWall } of channel.state.leases.held())
        if (own) marks.push(channel.journal.mark({ m: 'keep', l: id, u: untilWall, o: 0 } satisfies KeepMark))
    await Promise.all(marks)
  }

  #open(): void {
    if (this.#closed) throw new DroprError('CLOSED', 'the inbox is closed')
  }

  /** Leases of earlier owners: those of consumers that died with their owner end now, the others wait for theirs. */
  #inherit(channels: readonly ChannelInbox[]): void {
    const ticks = this.#options.spool.system.clock.ticks()
    for (const channel of channels) {
      for (const part of channel.state.leases.held()) {
        const until = part.own ? ticks : ticks + GRACE_MS
        const lease = this.#book.get(part.id)
        if (lease === undefined) this.#book.add({ id: part.id, holder: undefined, until, channels: new Set([channel]) })
        else lease.channels.add(channel)
      }
    }
    this.#tick()
  }

  #lapse(lease: BookedLease, reason: string): void {
    this.#book.delete(lease.id)
    for (const { channel, part } of partsOf(lease)) channel.verdicts.lapse(part, reason)
    lease.holder?.onLost([lease.id])
  }

  #ready(channel: ChannelInbox): void {
    this.#claims.serve(channel)
    this.#alarm.set(channel.state.nextDue)
    this.#alarm.set(this.#book.firstEnd)
  }

  #tick(): void {
    if (this.#closed) return
    const ticks = this.#options.spool.system.clock.ticks()
    for (const lease of this.#book.takeEnded(ticks))
      this.#lapse(lease, lease.holder === undefined ? 'consumer gone' : 'lease ended')
    for (const channel of this.#channels.all()) if (channel.state.wake(ticks)) this.#claims.serve(channel)
    this.#claims.expire(ticks)
    this.#setAlarm()
    for (const channel of this.#channels.all()) this.#alarm.set(channel.state.nextDue)
  }

  #setAlarm(): void {
    this.#alarm.set(this.#book.firstEnd)
    this.#alarm.set(this.#claims.firstDeadline)
  }
}
