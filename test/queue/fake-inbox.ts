import { DroprError } from '../../src/errors.ts'
import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import type {
  Claim,
  ClaimRequest,
  ClaimRun,
  InboxPort,
  PeekRequest,
  SteerRequest,
  SteerResult,
  Verdict,
  VerdictResult
} from '../../src/server/inbox-port.ts'
import { type SimClock, SimRandom } from '../../src/system/sim/index.ts'

const STREAM = 'cd'.repeat(16)

interface Kept {
  channel: string
  at: number
  bytes: number
  lease: string
  state: 'ready' | 'leased' | 'done' | 'dead'
  deliveries: number
  attempts: number
}

/** A model of the inbox: one stream in one file in memory, positions and leases as the real one has them. */
export class FakeInbox implements InboxPort {
  readonly clock: SimClock
  readonly kept: Kept[] = []
  /** Every verdict that was told, and in how many calls. */
  readonly told: Verdict[] = []
  settles = 0
  claims: ClaimRequest[] = []
  extended: string[] = []
  closed = false
  readonly paused = new Set<string>()
  file = Buffer.alloc(0)
  /** Thrown by the next call, once. */
  failing: { settle?: Error; claim?: Error; extend?: Error } = {}
  onLost: (leases: string[]) => void = () => undefined
  readonly #ids: Ids
  readonly #leases = new Map<string, number>()
  #waiters: (() => void)[] = []
  #leased = 0

  constructor(clock: SimClock) {
    this.clock = clock
    this.#ids = new Ids(clock, new SimRandom(1))
  }

  put(channel: string, ...drafts: (Partial<Draft> | string)[]): void {
    const parts = [this.file]
    let at = this.file.length
    for (const given of drafts) {
      const said = typeof given === 'string' ? { body: given } : given
      const draft: Draft = { kind: 'text', body: '', sentAt: this.clock.now(), ...said }
      const into = Buffer.alloc(messageBytesMost(draft))
      if (draft.id === undefined) this.#ids.next()
      const bytes = encodeMessage(draft, this.#ids, into, 0)
      this.kept.push({ channel, at, bytes, lease: '', state: 'ready', deliveries: 0, attempts: 0 })
      parts.push(into.subarray(0, bytes))
      at += bytes
    }
    this.file = Buffer.concat(parts)
    for (const wake of this.#waiters.splice(0)) wake()
  }

  async claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    this.claims.push(request)
    this.#fail('claim')
    const until = this.clock.ticks() + request.waitMs
    for (;;) {
      if (this.closed) throw new DroprError('CLOSED', 'closed')
      if (signal?.aborted) throw new DroprError('ABORTED', 'aborted')
      const claim = this.#now(request)
      if (claim !== undefined) return claim
      if (this.clock.ticks() >= until) return { lease: '', leaseUntil: 0, leaseMs: 0, runs: [] }
      const woken = new AbortController()
      this.#waiters.push(() => woken.abort())
      const wake = () => woken.abort()
      signal?.addEventListener('abort', wake)
      await this.clock.sleep(until - this.clock.ticks(), woken.signal)
      signal?.removeEventListener('abort', wake)
    }
  }

  settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    this.settles++
    try {
      this.#fail('settle')
    } catch (error) {
      return Promise.reject(error)
    }
    this.told.push(...structuredClone(verdicts))
    return Promise.resolve(verdicts.map(verdict => this.#settle(verdict)))
  }

  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    try {
      this.#fail('extend')
    } catch (error) {
      return Promise.reject(error)
    }
    this.extended.push(...leases)
    const lost = leases.filter(lease => !this.#alive(lease))
    for (const lease of leases) if (!lost.includes(lease)) this.#leases.set(lease, this.clock.ticks() + leaseMs)
    return Promise.resolve({ lost, untilWall: this.clock.now() + leaseMs })
  }

  peek({ channel, max }: PeekRequest): Promise<ClaimRun[]> {
    const ready = [...this.kept.entries()].filter(([, kept]) => kept.state === 'ready' && kept.channel === channel)
    return Promise.resolve(ready.slice(0, max).map(([i, kept]) => this.#run(i, kept)))
  }

  steer(request: SteerRequest): Promise<SteerResult> {
    if ('id' in request) return Promise.resolve({ found: 0, changed: 0 })
    const { act, channel } = request
    const changed = this.paused.has(channel) === (act === 'pause') ? 0 : 1
    if (act === 'pause') this.paused.add(channel)
    else this.paused.delete(channel)
    return Promise.resolve({ found: 1, changed })
  }

  close(): Promise<void> {
    this.closed = true
    for (const kept of this.kept) if (kept.state === 'leased') kept.state = 'ready'
    for (const wake of this.#waiters.splice(0)) wake()
    return Promise.resolve()
  }

  /** Positions in a state. */
  in(state: Kept['state']): number[] {
    return this.kept.flatMap((kept, i) => (kept.state === state ? [i] : []))
  }

  #fail(call: 'settle' | 'claim' | 'extend'): void {
    const error = this.failing[call]
    if (error === undefined) return
    delete this.failing[call]
    throw error
  }

  #alive(lease: string): boolean {
    return (this.#leases.get(lease) ?? -1) > this.clock.ticks()
  }

  #now(request: ClaimRequest): Claim | undefined {
    for (const kept of this.kept) if (kept.state === 'leased' && !this.#alive(kept.lease)) kept.state = 'ready'
    const lease = `1.${this.#leased + 1}`
    const runs: ClaimRun[] = []
    let count = 0
    for (const [i, kept] of this.kept.entries()) {
      if (count >= request.max) break
      if (kept.state !== 'ready' || !request.channels.includes(kept.channel)) continue
      count++
      Object.assign(kept, { state: 'leased', lease, deliveries: kept.deliveries + 1 })
      const last = runs.at(-1)
      const next = last !== undefined && last.from + last.count === i && last.channel === kept.channel
      if (next && last.deliveries === kept.deliveries && last.attempts === kept.attempts) {
        last.count++
        last.bytes += kept.bytes
      } else runs.push(this.#run(i, kept))
    }
    if (count === 0) return undefined
    this.#leased++
    const { leaseMs = 60_000 } = request
    this.#leases.set(lease, this.clock.ticks() + leaseMs)
    return { lease, leaseUntil: this.clock.now() + leaseMs, leaseMs, runs }
  }

  #run(from: number, kept: Kept): ClaimRun {
    const { channel, at, bytes, deliveries, attempts } = kept
    const where = { node: 'berlin', origin: 'ab'.repeat(16), stream: STREAM, path: '/s/inbox/1.seg' }
    return { ...where, channel, priority: 4, from, count: 1, at, bytes, receivedAt: 7, deliveries, attempts }
  }

  #settle(verdict: Verdict): VerdictResult {
    for (const [from, to] of verdict.runs) {
      for (const kept of this.kept.slice(from, to)) {
        const again = kept.state === 'done' && verdict.verdict === 'ack' && kept.lease === verdict.lease
        if (!again && (kept.state !== 'leased' || kept.lease !== verdict.lease || !this.#alive(verdict.lease))) {
          return 'LEASE_LOST'
        }
        kept.state = verdict.verdict === 'ack' ? 'done' : verdict.verdict === 'reject' ? 'dead' : 'ready'
        if (verdict.verdict === 'retry') kept.attempts++
      }
    }
    for (const wake of this.#waiters.splice(0)) wake()
    return 'ok'
  }
}
