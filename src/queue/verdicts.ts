import { DroprError } from '../errors.ts'
import type { Verdict, VerdictResult } from '../server/inbox-port.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { InboxLink } from './inbox-link.ts'
import type { Lease, Leases } from './lease.ts'
import type { Part } from './part.ts'
import { extendLeases } from './renew.ts'
import { addPosition, mergedRuns } from './runs.ts'
import type { VerdictGroup } from './verdict-group.ts'
import { VerdictLane } from './verdict-lane.ts'

/** What may be said with a verdict. */
export interface Said {
  afterMs?: number | undefined
  reason?: string | undefined
  damaged?: boolean
  result?: unknown
}

/** Who waits for what becomes of a verdict. */
export interface Asker {
  /** Called before the promise rejects. */
  failed(error: DroprError): void
}

const AGAIN_MS = 1_000
export const SAYS_NOTHING: Said = {}

/**
 * Gathers verdicts while the ones before are on their way, so that thousands share one call and one sync.
 *
 * A verdict starts a call if none runs, else joins the next. Positions with the same verdict travel as runs.
 */
export class Verdicts {
  readonly #link: InboxLink
  readonly #leases: Leases
  readonly #clock: Clock
  readonly #log: Log
  /** What nobody waits for may take its time; what somebody waits for goes past it. */
  readonly #quiet = new VerdictLane(groups => this.#tell(groups))
  readonly #awaited = new VerdictLane(groups => this.#tell(groups))
  #closing = new AbortController()

  constructor(options: { link: InboxLink; leases: Leases; clock: Clock; log: Log }) {
    this.#link = options.link
    this.#leases = options.leases
    this.#clock = options.clock
    this.#log = options.log
  }

  /** A verdict nobody waits for. Tried again while the lease lasts when it cannot be stored. */
  quiet(part: Part, index: number, verdict: Verdict['verdict'], said = SAYS_NOTHING): void {
    const group = this.#groupOf(part, verdict, said, false)
    addPosition(group.pairs, part.run.from + index)
    this.#quiet.start()
  }

  /** Resolves when the verdict is synced. Rejects with LEASE_LOST when it came too late. */
  give(part: Part, index: number, verdict: Verdict['verdict'], said: Said, asker: Asker): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const group = this.#groupOf(part, verdict, said, true)
      addPosition(group.pairs, part.run.from + index)
      group.waiters.push({ resolve, reject, asker })
      this.#awaited.start()
    })
  }

  /** Makes a lease end `ms` from now. False when it was over. */
  async extend(lease: Lease, ms: number): Promise<boolean> {
    await extendLeases({ link: this.#link, leases: this.#leases, clock: this.#clock }, [lease], ms)
    return !lease.lost
  }

  /** Resolves when all that was given has an answer. */
  async idle(): Promise<void> {
    await Promise.all([this.#quiet.idle(), this.#awaited.idle()])
  }

  /** No more tries for what nobody waits for. */
  close(): void {
    this.#closing.abort()
  }

  /** Most verdicts are acks that say nothing more: their group is at hand. */
  #groupOf(part: Part, verdict: Verdict['verdict'], said: Said, awaited: boolean): VerdictGroup {
    if (verdict !== 'ack' || said.result !== undefined) return this.#group(part, verdict, said, awaited)
    const last = awaited ? part.ackAwaited : part.acks
    if (last !== undefined && !last.sent) return last
    const group = this.#group(part, verdict, said, awaited)
    if (awaited) part.ackAwaited = group
    else part.acks = group
    return group
  }

  #group(part: Part, verdict: Verdict['verdict'], said: Said, awaited: boolean): VerdictGroup {
    const { lease, run } = part
    const { afterMs, reason, damaged = false, result } = said
    const same = [lease.id, run.channel, run.stream, verdict, afterMs, reason, damaged]
    const key = result === undefined ? JSON.stringify(same) : '' // a result is one message's own
    const lane = awaited ? this.#awaited : this.#quiet
    const known = key === '' ? undefined : lane.find(key)
    if (known !== undefined) return known
    const group: VerdictGroup = {
      key,
      lease,
      verdict: {
        lease: lease.id,
        stream: run.stream,
        channel: run.channel,
        runs: [],
        verdict,
        ...(!awaited && { quiet: true }),
        ...(afterMs !== undefined && { afterMs }),
        ...(reason !== undefined && { reason }),
        ...(damaged && { damaged }),
        ...(result !== undefined && { result })
      },
      pairs: [],
      sent: false,
      waiters: []
    }
    lane.add(group)
    return group
  }

  async #tell(groups: readonly VerdictGroup[]): Promise<void> {
    for (const group of groups) group.verdict.runs = mergedRuns(group.pairs)
    try {
      const results = await this.#link.use(port => port.settle(groups.map(group => group.verdict)))
      for (const [i, group] of groups.entries()) this.#answered(group, results[i])
    } catch (error) {
      this.#failed(groups, typed(error))
    }
  }

  #answered(group: VerdictGroup, result: VerdictResult | undefined): void {
    const { lease, waiters, verdict } = group
    for (const [from, to] of verdict.runs) lease.open -= to - from
    if (lease.open <= 0) this.#leases.remove(lease)
    const late = result !== 'ok'
    if (late) {
      const fields = { code: 'LEASE_LOST', channel: verdict.channel, lease: lease.id, verdict: verdict.verdict }
      this.#log.warn(fields, 'a verdict came after its lease was over; the message is handed out again')
    }
    tell(waiters, late ? new DroprError('LEASE_LOST', `lease ${lease.id} was over before the verdict`) : undefined)
  }

  #failed(groups: readonly VerdictGroup[], error: DroprError): void {
    this.#log.warn({ code: error.code, error: error.message }, 'verdicts could not be stored')
    const again: VerdictGroup[] = []
    for (const group of groups) {
      if (group.waiters.length > 0) tell(group.waiters, error)
      else again.push(group)
    }
    if (again.length > 0 && error.retry && !this.#closing.signal.aborted) void this.#again(again)
  }

  async #again(groups: readonly VerdictGroup[]): Promise<void> {
    await this.#clock.sleep(AGAIN_MS, this.#closing.signal)
    if (this.#closing.signal.aborted) return
    const open = groups.filter(group => !group.lease.lost)
    if (open.length === 0) return
    this.#quiet.add(...open)
    this.#quiet.start()
  }
}

function tell(waiters: VerdictGroup['waiters'], error: DroprError | undefined): void {
  for (const { resolve, reject, asker } of waiters) {
    if (error === undefined) resolve()
    else {
      asker.failed(error)
      reject(error)
    }
  }
}

function typed(error: unknown): DroprError {
  return error instanceof DroprError ? error : new DroprError('UNEXPECTED', 'verdicts could not be given', error)
}
