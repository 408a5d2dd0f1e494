import { DroprError } from '../errors.ts'
import type { Line } from '../system/sockets.ts'
import type { ConsumerAbout } from './attached.ts'
import type { ChannelDepth } from './channel-depth.ts'
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
import type { MoveAnswer, MoveRequest } from './move.ts'
import { errorSaid, parseSaid } from './owner-protocol.ts'

export interface Held {
  lease: string
  remainingMs: number
}

/** An owner as one consumer reaches it. Everything rejects with OWNER_UNREACHABLE once it is gone. */
export interface OwnerTarget {
  /** Says who this is and what it holds of earlier owners. Gives those leases that are lost. */
  attach(held: Held[], consumer: string, about: ConsumerAbout): Promise<string[]>
  claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim>
  settle(verdicts: Verdict[]): Promise<VerdictResult[]>
  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }>
  peek(request: PeekRequest): Promise<ClaimRun[]>
  steer(request: SteerRequest): Promise<SteerResult>
  move(request: MoveRequest): Promise<MoveAnswer>
  /** Gives back what is held, and lets go. */
  bye(): Promise<void>
  /** Lets go, whatever is held. */
  end(): void
  onLost: (leases: string[]) => void
  onGone: () => void
}

interface Waiting {
  resolve: (value: unknown) => void
  reject: (error: Error) => void
}

/** An owner at the other end of a line. */
export class LineTarget implements OwnerTarget {
  onLost: (leases: string[]) => void = () => undefined
  onGone: () => void = () => undefined
  /** The owner gives the inbox to a server. */
  onHandOver: () => void = () => undefined
  readonly #line: Line
  readonly #spool: string
  readonly #waiting = new Map<number, Waiting>()
  #gone = false
  #ids = 0

  constructor(line: Line, spool: string) {
    this.#line = line
    this.#spool = spool
    line.onMessage = text => this.#hear(text)
    line.onEnd = () => this.#end()
  }

  async attach(held: Held[], consumer: string, about: ConsumerAbout): Promise<string[]> {
    const said = { op: 'attach', spool: this.#spool, consumer, about, held }
    const { lost } = (await this.#ask(said)) as { lost: string[] }
    return lost
  }

  async claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    if (signal?.aborted) throw new DroprError('ABORTED', 'nobody waits for messages any more')
    const id = this.#ids + 1
    const cancel = () => this.#line.send(JSON.stringify({ op: 'cancel', claim: id }))
    signal?.addEventListener('abort', cancel)
    try {
      return (await this.#ask({ op: 'claim', request })) as Claim
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    return this.#ask({ op: 'settle', verdicts }) as Promise<VerdictResult[]>
  }

  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    return this.#ask({ op: 'extend', leases, leaseMs }) as Promise<{ lost: string[]; untilWall: number }>
  }

  peek(request: PeekRequest): Promise<ClaimRun[]> {
    return this.#ask({ op: 'peek', request }) as Promise<ClaimRun[]>
  }

  steer(request: SteerRequest): Promise<SteerResult> {
    return this.#ask({ op: 'steer', request }) as Promise<SteerResult>
  }

  move(request: MoveRequest): Promise<MoveAnswer> {
    return this.#ask({ op: 'move', request }) as Promise<MoveAnswer>
  }

  depths(): Promise<ChannelDepth[]> {
    return this.#ask({ op: 'depths' }) as Promise<ChannelDepth[]>
  }

  /** Resolves when the owner has let go of the inbox. Rejects with DAEMON_RUNNING when it keeps it. */
  async handOver(): Promise<void> {
    await this.#ask({ op: 'handover' }).catch((error: unknown) => {
      if (!(error instanceof DroprError) || error.code !== 'OWNER_UNREACHABLE') throw error
    })
  }

  async bye(): Promise<void> {
    await this.#ask({ op: 'bye' }).finally(() => this.end())
  }

  end(): void {
    this.#line.end()
    this.#end()
  }

  #ask(what: object): Promise<unknown> {
    const id = ++this.#ids
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(gone())
      this.#waiting.set(id, { resolve, reject })
      this.#line.send(JSON.stringify({ id, ...what }))
    })
  }

  #hear(text: string): void {
    const said = parseSaid(text)
    if (said === undefined) {
      this.end()
      return
    }
    if (Array.isArray(said.lost)) {
      this.onLost(said.lost as string[])
      return
    }
    if (said.handover === true) {
      this.onHandOver()
      return
    }
    const id = said.id as number
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if ('error' in said) waiting?.reject(errorSaid(said.error))
    else waiting?.resolve(said.ok)
  }

  #end(): void {
    if (this.#gone) return
    this.#gone = true
    for (const { reject } of this.#waiting.values()) reject(gone())
    this.#waiting.clear()
    this.onGone()
  }
}

function gone(): DroprError {
  return new DroprError('OWNER_UNREACHABLE', 'the process that owns the inbox is gone')
}
