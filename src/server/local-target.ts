import { DroprError } from '../errors.ts'
import type { ConsumerAbout } from './attached.ts'
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
import type { LocalPort } from './local-port.ts'
import type { MoveAnswer, MoveRequest, MovesPort } from './move.ts'
import type { Held, OwnerTarget } from './owner-target.ts'

/** The owner in this very process, as one consumer reaches it. */
export class LocalTarget implements OwnerTarget {
  onLost: (leases: string[]) => void = () => undefined
  onGone: () => void = () => undefined
  readonly #port: LocalPort
  readonly #moves: MovesPort
  readonly #left: () => Promise<void>
  #gone = false

  constructor(port: LocalPort, moves: MovesPort, left: () => Promise<void>) {
    this.#port = port
    this.#moves = moves
    this.#left = left
    port.onLost = leases => this.onLost(leases)
  }

  attach(held: Held[], consumer: string, about: ConsumerAbout): Promise<string[]> {
    return this.#port.adopt(held, consumer, about)
  }

  claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    return this.#ask(() => this.#port.claim(request, signal))
  }

  settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    return this.#ask(() => this.#port.settle(verdicts))
  }

  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    return this.#ask(() => this.#port.extend(leases, leaseMs))
  }

  peek(request: PeekRequest): Promise<ClaimRun[]> {
    return this.#ask(() => this.#port.peek(request))
  }

  steer(request: SteerRequest): Promise<SteerResult> {
    return this.#ask(() => this.#port.steer(request))
  }

  move(request: MoveRequest): Promise<MoveAnswer> {
    return this.#ask(() => this.#moves.move(request))
  }

  async bye(): Promise<void> {
    try {
      await this.#ask(() => this.#port.close())
    } finally {
      await this.#left()
    }
  }

  /** The owner has let go of the inbox. */
  end(): void {
    if (this.#gone) return
    this.#gone = true
    this.onGone()
  }

  #ask<T>(act: () => Promise<T>): Promise<T> {
    if (this.#gone) return Promise.reject(new DroprError('OWNER_UNREACHABLE', 'the inbox has another owner'))
    return act()
  }
}
