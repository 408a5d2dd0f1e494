import { Alarm } from '../system/alarm.ts'
import type { PeerStatus, StreamStatus } from './client-status.ts'
import { Lookout, type Where } from './lookout.ts'
import { PeerHealth, wallOf } from './peer-health.ts'
import type { PeerQueueOptions } from './peer-queue-options.ts'
import { pick } from './pick.ts'
import type { StreamSource } from './stream-source.ts'
import type { Uploader } from './uploader.ts'
import { Uploaders } from './uploaders.ts'
import { within } from './within.ts'

/** Streams with trouble of their own that a status names. */
const TROUBLED_MAX = 20
/** What was given up on closing has so long to notice. */
const ABORT_MS_MAX = 1_000

/**
 * One peer: which of its streams get the uploads that the peer can take. Shares nothing with other peers, so that none
 * holds up another.
 */
export class PeerQueue {
  readonly #options: PeerQueueOptions
  readonly #alarm: Alarm
  readonly #stop = new AbortController()
  readonly #uploaders = new Uploaders()
  /** Those that may have something to send or are sending. */
  readonly #active = new Set<Uploader>()
  readonly #turns = new Set<Promise<void>>()
  readonly #health: PeerHealth
  readonly #lookout: Lookout
  #closed = false
  /** With the peer to their end, but not all on record. */
  readonly #delivered = new Set<Uploader>()

  constructor(options: PeerQueueOptions) {
    this.#options = options
    this.#health = new PeerHealth(options)
    this.#lookout = new Lookout(options.system.clock, where => this.#look(where))
    this.#alarm = new Alarm(options.system.clock, () => this.#pump())
  }

  /** Something was appended there, it is said. */
  hint(where: Where): void {
    if (this.#closed) return
    let known = false
    for (const uploader of this.#uploaders.in(where)) {
      if (where.path !== undefined && where.path !== uploader.source.path) continue
      known = true
      if (where.end === undefined || uploader.source.written?.(where.end) !== false) this.#wake(uploader)
    }
    if (!known) void this.look(where)
    // It may have been another file of this folder.
    else if (where.path === undefined) this.#lookout.soon(where)
    if (known) this.#pump()
  }

  /** Looks for streams, and whether those known have grown. */
  async look(where?: Where): Promise<void> {
    if (!this.#closed) await this.#lookout.look(where)
  }

  /** How long nothing goes to the peer, ms. */
  get restMs(): number {
    return this.#health.restMs(this.#options.system.clock.ticks())
  }

  /** How far the peer has a stream, when it is being sent. */
  acked(stream: string): number | undefined {
    return this.#uploaders.get(stream)?.acked
  }

  /** Tries now what waits, whatever it waits for. */
  kick(): void {
    this.#health.kick()
    for (const uploader of this.#uploaders.all()) {
      uploader.kick()
      this.#active.add(uploader)
    }
    this.#pump()
    this.#options.changed()
  }

  /** Starts no upload as long as it is given; what is under way may end. @param at Wall ms since when. */
  pause(at: number | undefined): void {
    if (this.#health.pausedAt === at) return
    this.#health.pausedAt = at
    this.#pump()
    this.#options.changed()
  }

  status(): PeerStatus {
    const { clock } = this.#options.system
    const counts = this.#uploaders.counts()
    let inFlight = 0
    const troubled: StreamStatus[] = []
    for (const uploader of this.#uploaders.all()) {
      inFlight += uploader.flights
      const { failure, pace, source } = uploader
      if (failure === undefined || troubled.length === TROUBLED_MAX) continue
      const { stream, channel, priority } = source
      const lastError = { code: failure.code, text: failure.text, at: failure.at }
      const nextTryAt = wallOf(clock, pace.retryAt)
      troubled.push({ stream, channel, priority, acked: uploader.acked, failures: pace.failures, lastError, nextTryAt })
    }
    return {
      name: this.#options.name,
      ...this.#health.status(),
      inFlight,
      ...counts,
      streams: this.#uploaders.size,
      troubled
    }
  }

  /** Starts nothing more; waits for what is on its way, `withinMs` at most; gives up the rest, which is sent again later. */
  async close(options: { withinMs: number }): Promise<void> {
    this.#closed = true
    this.#alarm.close()
    const { clock } = this.#options.system
    const all = Promise.all([...this.#turns, this.#lookout.close()])
    await within(clock, all, options.withinMs)
    this.#stop.abort()
    await within(clock, all, ABORT_MS_MAX)
    await Promise.all([...this.#uploaders.all()].map(uploader => uploader.close()))
  }

  async #look(where: Where | undefined): Promise<void> {
    if (this.#closed) return
    try {
      this.#found(await this.#options.find(where))
    } catch (error) {
      const { name, system } = this.#options
      system.log.error({ code: 'OUTBOX_UNREADABLE', peer: name, error: String(error) }, 'cannot look into the outbox')
    }
  }

  #found(sources: readonly StreamSource[]): void {
    if (this.#closed) return
    for (const source of sources) {
      let uploader = this.#uploaders.get(source.stream)
      if (uploader === undefined) {
        const changed = () => this.#settled(source.stream)
        uploader = this.#options.open(source, { changed, signal: this.#stop.signal })
        this.#uploaders.add(uploader)
      }
      this.#wake(uploader)
    }
    // A look may have found out that a stream has ended.
    for (const uploader of this.#uploaders.all()) this.#endIfFinished(uploader)
    this.#pump()
  }

  #wake(uploader: Uploader): void {
    uploader.hint()
    this.#active.add(uploader)
  }

  /** Gives free uploads to streams. */
  #pump(): void {
    if (this.#closed) return
    const now = this.#options.system.clock.ticks()
    for (;;) {
      const uploader = this.#pick(now)
      if (uploader === undefined) break
      uploader.servedAt = this.#options.steps.next()
      const turn = this.#turn(uploader)
      this.#turns.add(turn)
      void turn.then(() => {
        this.#turns.delete(turn)
        this.#pump()
      })
    }
    this.#alarm.set(this.#nextTry(now))
  }

  #pick(now: number): Uploader | undefined {
    const full = this.#turns.size >= this.#health.allowed(now)
    const suspect = this.#suspect
    // As long as all trouble is one stream's, another may find out whose it is.
    if (full && (suspect === undefined || this.#turns.size > suspect.turns)) return undefined
    for (const uploader of this.#active) {
      if (!uploader.hopeful && uploader.flights === 0) this.#active.delete(uploader)
    }
    const last = this.#turns.size + 1 >= this.#health.open
    const others = this.#uploaders.size > this.#active.size
    return pick(this.#active, { now, not: full ? suspect : undefined, last, others })
  }

  #nextTry(now: number): number | undefined {
    if (this.#active.size === 0) return undefined
    if (now < this.#health.retryAt) return this.#health.retryAt
    let first: number | undefined
    for (const { pace } of this.#active)
      if (pace.retryAt > now && (first === undefined || pace.retryAt < first)) first = pace.retryAt
    return first
  }

  /** One range of one stream, from the disk to the peer's answer. */
  async #turn(uploader: Uploader): Promise<void> {
    const range = await uploader.prepare()
    if (range !== undefined) this.#active.add(uploader)
    if (range !== undefined && !this.#mayFly(uploader)) uploader.hint()
    else if (range !== undefined) {
      const flying = uploader.fly(range, outcome => {
        if (!this.#stop.signal.aborted) this.#health.judge(uploader, outcome)
      })
      this.#pump()
      await flying
      this.#options.changed()
    }
    this.#endIfFinished(uploader)
  }

  /** The peer may have failed while the disk was read. */
  #mayFly(uploader: Uploader): boolean {
    if (this.#closed) return false
    if (this.#turns.size <= this.#health.allowed(this.#options.system.clock.ticks())) return true
    const suspect = this.#suspect
    return suspect !== undefined && suspect !== uploader && this.#turns.size <= suspect.turns + 1
  }

  get #suspect(): Uploader | undefined {
    const { suspect } = this.#health
    return suspect === undefined ? undefined : this.#uploaders.get(suspect.source.stream)
  }

  /** What a stream's peer said is on record, or cannot be recorded. */
  #settled(stream: string): void {
    const uploader = this.#uploaders.get(stream)
    if (uploader === undefined) return
    this.#endIfFinished(uploader)
    this.#pump()
    this.#options.changed()
  }

  #endIfFinished(uploader: Uploader): void {
    const { source } = uploader
    if (!uploader.delivered || !this.#uploaders.has(uploader)) return
    if (!this.#delivered.has(uploader)) {
      // The next segment of its folder need not wait for our own disk.
      this.#delivered.add(uploader)
      void this.look({ channel: source.channel, priority: source.priority })
    }
    if (!uploader.finished) return
    this.#uploaders.remove(uploader)
    this.#active.delete(uploader)
    this.#delivered.delete(uploader)
    this.#options.finished(source)
  }
}
