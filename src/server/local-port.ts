import { DroprError } from '../errors.ts'
import type { ConsumerAbout } from './attached.ts'
import type { Inbox } from './inbox.ts'
import {
  type Claim,
  type ClaimRequest,
  type ClaimRun,
  type InboxPort,
  type PeekRequest,
  releaseOf,
  type SteerRequest,
  type SteerResult,
  type Verdict,
  type VerdictResult
} from './inbox-port.ts'

const CHANNELS_MAX = 100

/** A consumer of the inbox, in the owner's process or at the other end of a line to it. */
export class LocalPort implements InboxPort {
  onLost: (leases: string[]) => void = () => undefined
  readonly #inbox: Inbox
  readonly #own: boolean
  #consumer: string | undefined
  /** Who it says it is; undefined until it does. */
  about: ConsumerAbout | undefined
  /** What it has asked for: so many, at most, are remembered. */
  readonly channels = new Set<string>()
  #closed = false

  constructor(inbox: Inbox, own: boolean) {
    this.#inbox = inbox
    this.#own = own
    inbox.attached.add(this)
  }

  async claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    if (this.#closed) throw new DroprError('CLOSED', 'the consumer is closed')
    if (this.channels.size < CHANNELS_MAX) for (const channel of request.channels) this.channels.add(channel)
    const { claim, late } = await this.#inbox.ask(this, this.#own, request, signal)
    if (!late && !this.#closed) return claim
    if (claim.lease !== '') await this.#inbox.settle(releaseOf(claim))
    throw new DroprError(late ? 'ABORTED' : 'CLOSED', 'nobody waits for messages any more')
  }

  settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    return this.#inbox.settle(verdicts)
  }

  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    return this.#inbox.extend(leases, leaseMs)
  }

  peek(request: PeekRequest): Promise<ClaimRun[]> {
    return this.#inbox.peek(request)
  }

  steer(request: SteerRequest): Promise<SteerResult> {
    return this.#inbox.steer(request)
  }

  /** The name the consumer gave itself. */
  get consumer(): string | undefined {
    return this.#consumer
  }

  /** Says who it is and which leases of an earlier owner it still holds. Gives those that it has lost. */
  adopt(
    held: readonly { lease: string; remainingMs: number }[],
    consumer?: string,
    about?: ConsumerAbout
  ): Promise<string[]> {
    this.#consumer = consumer
    this.about = about
    return this.#inbox.adopt(this, held)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#inbox.attached.delete(this)
    await this.#inbox.release(this)
  }

  /** Its process died. */
  gone(): void {
    if (this.#closed) return
    this.#closed = true
    this.#inbox.attached.delete(this)
    this.#inbox.gone(this)
  }
}
