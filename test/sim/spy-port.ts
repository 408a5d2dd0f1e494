import { decodeMessage, entryBytes, isWholeEntry } from '../../src/journal/entry.ts'
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
import type { MoveAnswer, MoveRequest, MovesPort } from '../../src/server/move.ts'
import type { SimFiles } from '../../src/system/sim/index.ts'
import type { Checker, Handed, Who } from './checker.ts'
import { tokenIn } from './ledger.ts'

export interface SpyOptions {
  port: InboxPort & MovesPort
  disk: SimFiles
  checker: Checker
  who: Who
  ticks: () => number
}

/** A consumer's way to the inbox, with the checker listening. */
export class SpyPort implements InboxPort, MovesPort {
  onLost: (leases: string[]) => void = () => undefined
  readonly #options: SpyOptions
  #closed = false

  constructor(options: SpyOptions) {
    const { port, checker, who } = options
    this.#options = options
    port.onLost = leases => {
      for (const lease of leases) checker.holds.lost(who.site, lease)
      this.onLost(leases)
    }
  }

  async claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    const { port, disk, checker, who, ticks } = this.#options
    const asked = ticks()
    const claim = await port.claim(request, signal)
    const granted = asked + (claim.waitedMs ?? 0)
    const until = granted + claim.leaseMs
    if (claim.lease !== '') checker.handed(who, { lease: claim.lease, granted, until }, messagesOf(claim, disk))
    // What comes while it says good-bye goes back at once.
    if (this.#closed) checker.holds.died(who.consumer)
    return claim
  }

  async settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    const { port, checker, who } = this.#options
    checker.telling(who, verdicts)
    const results = await port.settle(verdicts)
    checker.told(who, verdicts, results)
    return results
  }

  async extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    const { port, checker, who, ticks } = this.#options
    const asked = ticks()
    const extended = await port.extend(leases, leaseMs)
    for (const lease of leases) checker.holds.extended(who.site, lease, asked + leaseMs)
    for (const lease of extended.lost) checker.holds.lost(who.site, lease)
    return extended
  }

  peek(request: PeekRequest): Promise<ClaimRun[]> {
    return this.#options.port.peek(request)
  }

  steer(request: SteerRequest): Promise<SteerResult> {
    return this.#options.port.steer(request)
  }

  move(request: MoveRequest): Promise<MoveAnswer> {
    return this.#options.port.move(request)
  }

  close(): Promise<void> {
    const { port, checker, who } = this.#options
    this.#closed = true
    checker.holds.died(who.consumer)
    return port.close()
  }
}

/** What a claim names, read from the disk without anybody noticing. */
function messagesOf(claim: Claim, disk: SimFiles): Handed[] {
  const messages: Handed[] = []
  for (const { channel, priority, stream, from, count, path, at, bytes, deliveries } of claim.runs) {
    const entries = disk.peek(path)?.subarray(at, at + bytes) ?? Buffer.alloc(0)
    for (let i = 0, offset = 0; i < count && offset < entries.length; i++, offset += entryBytes(entries, offset)) {
      // A bit has turned in one: whoever claims it sees that too, and goes on behind it.
      if (!isWholeEntry(entries.subarray(offset), 0)) {
        i++
        do offset++
        while (offset < entries.length && !isWholeEntry(entries.subarray(offset), 0))
        if (offset >= entries.length) break
      }
      const stored = decodeMessage(entries, offset)
      const { sentAt, headers } = stored
      const token = tokenIn(stored)
      messages.push({ token, channel, priority, stream, position: from + i, deliveries, sentAt, headers })
    }
  }
  return messages
}
