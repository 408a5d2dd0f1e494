import { MESSAGE, messageFlags } from '../journal/entry.ts'
import type { ClaimRun } from '../server/inbox-port.ts'
import type { Clock } from '../system/clock.ts'
import type { Files } from '../system/files.ts'
import { HeldMessage } from './held-message.ts'
import type { Lease } from './lease.ts'
import type { SendReply } from './reply.ts'
import type { VerdictGroup } from './verdict-group.ts'
import type { Verdicts } from './verdicts.ts'

/** One run of a claim with its bytes: entries that lie side by side, checked. */
export interface Part {
  readonly verdicts: Verdicts
  readonly clock: Clock
  readonly reply: SendReply
  readonly files: Files
  readonly lease: Lease
  readonly run: ClaimRun
  readonly bytes: Buffer
  /** Where each entry begins in `bytes`. */
  readonly offsets: Uint32Array
  /** Entries that must not be handed over, and why. */
  readonly damaged: ReadonlyMap<number, string> | undefined
  /** The acks of this part that wait for the next call: those nobody waits for, those somebody does. */
  acks: VerdictGroup | undefined
  ackAwaited: VerdictGroup | undefined
}

/** What one claim gave, handed over one by one. */
export class Batch {
  readonly lease: Lease
  readonly #parts: readonly Part[]
  #part = 0
  #index = 0
  /** Positions not yet handed over; some may hold no message. */
  left: number

  constructor(lease: Lease, parts: readonly Part[]) {
    this.lease = lease
    this.#parts = parts
    this.left = parts.reduce((count, part) => count + part.run.count, 0)
  }

  /** The next message. On the way it gives the verdict on what is none: holes, the damaged, the expired. */
  next(): HeldMessage | undefined {
    for (let part = this.#parts[this.#part]; part !== undefined; part = this.#parts[++this.#part]) {
      while (this.#index < part.run.count) {
        const index = this.#index++
        this.left--
        if (isMessage(part, index)) return new HeldMessage(part, index)
      }
      this.#index = 0
    }
    return undefined
  }

  /** Gives back what was not handed over. */
  release(): void {
    for (let message = this.next(); message !== undefined; message = this.next()) message.settle('release')
  }
}

function isMessage(part: Part, index: number): boolean {
  const damage = part.damaged?.get(index)
  if (damage !== undefined) {
    part.verdicts.quiet(part, index, 'reject', { reason: `damaged: ${damage}`, damaged: true })
    return false
  }
  const at = part.offsets[index]!
  const { kind, expiresAt } = messageFlags(part.bytes, at)
  if (kind !== MESSAGE) {
    part.verdicts.quiet(part, index, 'ack')
    return false
  }
  if (expiresAt === undefined || expiresAt > part.clock.now()) return true
  part.verdicts.quiet(part, index, 'reject', { reason: 'expired' })
  return false
}
