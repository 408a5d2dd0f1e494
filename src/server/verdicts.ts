import type { ChannelPolicy } from '../limits.ts'
import type { System } from '../system/system.ts'
import { AckBatch } from './ack-batch.ts'
import type { BlockReader } from './block-reader.ts'
import type { Bury } from './burial.ts'
import { Burials } from './burials.ts'
import type { ChannelState } from './channel-state.ts'
import type { InboxJournal } from './inbox-journal.ts'
import { type BackMark, type DoneMark, groupPieces } from './inbox-marks.ts'
import type { PositionRun, Verdict, VerdictResult } from './inbox-port.ts'
import type { ChannelLease, Limbo } from './leases.ts'
import type { Piece } from './pieces.ts'
import { attemptDelayMs } from './retry-delay.ts'
import type { StreamState } from './stream-state.ts'

export interface VerdictsOptions {
  name: string
  system: System
  policy: () => ChannelPolicy
  journal: InboxJournal
  state: ChannelState
  reader: BlockReader
  bury: Bury
  /** Called when messages may have become ready, or will be at a known time. */
  onReady: () => void
}

/** What consumers say of the messages of one channel, and what becomes of those of whom nothing is said. */
export class Verdicts {
  readonly #options: VerdictsOptions
  readonly #acks: AckBatch
  readonly #burials: Burials

  constructor(options: VerdictsOptions) {
    this.#options = options
    this.#acks = new AckBatch(options.journal, options.system.clock)
    this.#burials = new Burials(options)
  }

  /** Resolves when the verdict is synced, or refused because its lease is gone. What was told before counts as told. */
  async settle(verdict: Verdict): Promise<VerdictResult> {
    const { state } = this.#options
    for (;;) {
      const lease = state.leases.get(verdict.lease)
      if (lease === undefined) return 'LEASE_LOST'
      const runs = lease.untold(verdict.stream, verdict.verdict, verdict.runs)
      if (runs.length === 0) return 'ok'
      const stream = state.streams.get(verdict.stream)
      const held = stream && heldFor(lease, stream, verdict.verdict, runs)
      if (stream === undefined || held === undefined) return 'LEASE_LOST'
      if (held.limbo !== undefined) {
        await held.limbo.written.catch(() => undefined)
        continue
      }
      await this.#apply(lease, stream, verdict, runs)
      return 'ok'
    }
  }

  /** A lease ended without a verdict on what it still holds: a failed attempt. It comes back at once, in its place. */
  lapse(lease: ChannelLease, reason: string): void {
    const { state, policy, system, onReady } = this.#options
    const { attemptsMax } = policy()
    lease.ended = reason
    const at = system.clock.now()
    const pieces = state.strip(lease)
    state.leases.check(lease)
    const again = pieces.filter(piece => piece.attempts < attemptsMax)
    const last = pieces.filter(piece => piece.attempts >= attemptsMax)
    if (again.length > 0) {
      state.back(again, { dueAt: 0, ticks: system.clock.ticks(), failed: { at, reason } })
      // Nobody waits for this: if it is lost, the next owner finds the lease, and that it has ended.
      for (const mark of backMarks(again, { l: lease.id, t: at, e: reason }))
        this.#options.journal.mark(mark).catch(() => undefined)
      onReady()
    }
    if (last.length > 0) {
      for (const piece of last) piece.past = [...piece.past, { at, reason }]
      for (const piece of last) piece.attempts++
      this.giveUp(last)
    }
  }

  /** Everything a lease holds is given back: no failed attempt. Resolves when synced, also when it ended meanwhile. */
  async release(lease: ChannelLease): Promise<void> {
    const byStream = new Map<string, PositionRun[]>()
    for (const { block, from, to } of lease.pieces) {
      const runs = byStream.get(block.stream.id)
      if (runs === undefined) byStream.set(block.stream.id, [[from, to]])
      else runs.push([from, to])
    }
    const said = { lease: lease.id, channel: this.#options.name, verdict: 'release' } as const
    await Promise.all([...byStream].map(([stream, runs]) => this.settle({ ...said, stream, runs })))
  }

  /** Extracted pieces that have failed too often. */
  giveUp(pieces: Piece[]): void {
    void this.#burials.giveUp(pieces)
  }

  async #apply(lease: ChannelLease, stream: StreamState, verdict: Verdict, runs: PositionRun[]): Promise<void> {
    const { state, onReady } = this.#options
    const pieces = state.extract(stream, runs)
    const limbo: Limbo = { verdict: verdict.verdict, written: Promise.resolve() }
    state.toLimbo(lease, pieces, limbo)
    const writing = this.#write(lease, stream, verdict, runs, pieces)
    limbo.written = writing
    try {
      const apply = await writing
      state.fromLimbo(pieces)
      for (const [from, to] of runs) lease.tell(stream.id, verdict.verdict, from, to)
      apply()
      state.leases.check(lease)
    } catch (error) {
      state.fromLimbo(pieces)
      this.#giveBack(lease, pieces)
      throw error
    } finally {
      onReady()
    }
  }

  /** Resolves, when the verdict is synced, with what it then does to the extracted pieces. */
  async #write(
    lease: ChannelLease,
    stream: StreamState,
    verdict: Verdict,
    runs: PositionRun[],
    pieces: Piece[]
  ): Promise<() => void> {
    const { state, policy, system, journal } = this.#options
    const l = lease.id
    const ticks = () => system.clock.ticks()
    if (verdict.verdict === 'ack') {
      const mark: DoneMark = { m: 'done', l, s: stream.id, r: runs, x: verdict.result }
      // Where few may be held at once, in all or of a key, the next ones wait for this.
      const awaited = policy().leasedMax !== 0 || pieces.some(piece => piece.block.keyed)
      const quiet = verdict.quiet === true && !awaited
      const { result } = verdict
      await (result === undefined ? this.#acks.add(l, stream.id, runs, quiet) : journal.mark(mark))
      return () => state.finish(pieces, 'done', system.clock.now(), result === undefined ? undefined : { result })
    }
    const reason = verdict.reason ?? ''
    const t = system.clock.now()
    if (verdict.verdict === 'reject') {
      await this.#burials.bury(pieces, { l, v: 'reject', reason, damaged: verdict.damaged === true })
      return () => state.finish(pieces, 'dead', system.clock.now(), { reason })
    }
    if (verdict.verdict === 'release') {
      const afterMs = verdict.afterMs ?? 0
      const marks = backMarks(pieces, { l, t, v: 'release', ...(afterMs > 0 && { u: t + afterMs }) })
      await Promise.all(marks.map(mark => journal.mark(mark)))
      return () => state.back(pieces, { dueAt: ticks() + afterMs, ticks: ticks() })
    }
    const failed = { at: t, reason }
    const limits = policy()
    const again = pieces.filter(piece => piece.attempts < limits.attemptsMax)
    const last = pieces.filter(piece => piece.attempts >= limits.attemptsMax)
    const written: Promise<unknown>[] = []
    const delays = again.map(piece => {
      const chance = system.random.next()
      const afterMs = verdict.afterMs ?? attemptDelayMs({ attempts: piece.attempts + 1, chance }, limits)
      const tried = { ...piece, attempts: piece.attempts + 1 }
      for (const mark of backMarks([tried], { l, t, v: 'retry', e: reason, ...(afterMs > 0 && { u: t + afterMs }) }))
        written.push(journal.mark(mark))
      return afterMs
    })
    if (last.length > 0) written.push(this.#burials.bury(last, { l, v: 'retry', reason, failed }))
    await Promise.all(written)
    return () => {
      state.finish(last, 'dead', system.clock.now(), { reason })
      for (const [i, piece] of again.entries())
        state.back([piece], { dueAt: ticks() + delays[i]!, ticks: ticks(), failed })
    }
  }

  /** A verdict did not reach the disk: its lease holds the messages as before, unless it has ended meanwhile. */
  #giveBack(lease: ChannelLease, pieces: Piece[]): void {
    this.#options.state.lease(lease, pieces)
    if (lease.ended !== undefined) this.lapse(lease, lease.ended)
  }
}

/** The lease's hold on all of `runs`, and a verdict of the same kind that is on its way for some; undefined when it lacks any. */
function heldFor(
  lease: ChannelLease,
  stream: StreamState,
  verdict: Verdict['verdict'],
  runs: readonly PositionRun[]
): { limbo: Limbo | undefined } | undefined {
  let waiting: Limbo | undefined
  for (const [from, to] of runs) {
    let at = from
    for (const piece of stream.between(from, to)) {
      if (piece.from > at || piece.lease !== lease) return undefined
      const limbo = piece.state === 'limbo' ? lease.limbo.get(piece) : undefined
      if (limbo === undefined ? piece.state !== 'leased' : limbo.verdict !== verdict) return undefined
      waiting ??= limbo
      at = piece.to
    }
    if (at < to) return undefined
  }
  return { limbo: waiting }
}

function backMarks(pieces: readonly Piece[], how: Pick<BackMark, 'l' | 't' | 'v' | 'u' | 'e'>): BackMark[] {
  return groupPieces(pieces).map(({ first, stream, runs }) => ({
    m: 'back',
    s: stream,
    r: runs,
    ...how,
    ...(first.attempts > 0 && { a: first.attempts })
  }))
}
