import { DroprError } from '../errors.ts'
import { PRIORITY } from '../message.ts'
import { checkChannel } from '../names.ts'
import type { Line } from '../system/sockets.ts'
import { aboutSaid } from './attached.ts'
import type { Inbox } from './inbox.ts'
import type { ClaimRequest, PeekRequest, SteerRequest, Verdict } from './inbox-port.ts'
import type { LocalPort } from './local-port.ts'
import type { MoveRequest, MovesPort } from './move.ts'
import { errorToSay, parseSaid, type Said } from './owner-protocol.ts'
import type { PullHint } from './pull-hint.ts'

export interface OwnerServiceOptions {
  inbox: Inbox
  /** Spool id: who comes with another one is at the wrong door. */
  spool: string
  moves: MovesPort
  poke: (hint?: PullHint) => void
  /** Gives the inbox away; rejects with DAEMON_RUNNING when this owner keeps it. */
  handOver: () => Promise<void>
}

const PRIORITIES = Array.from({ length: PRIORITY.max - PRIORITY.min + 1 }, (_, i) => PRIORITY.min + i)

/** Serves the consumers of other processes, each over its line. */
export class OwnerService {
  readonly #options: OwnerServiceOptions
  readonly #calls = new Set<Call>()
  #closed = false
  #handingOver = false

  constructor(options: OwnerServiceOptions) {
    this.#options = options
  }

  connected(line: Line): void {
    if (this.#closed) {
      letGo(line, this.#handingOver)
      return
    }
    const call = new Call(this.#options, line, () => this.#calls.delete(call))
    this.#calls.add(call)
  }

  /** Who is let go from now on hears that a server is to be the next owner. */
  handOver(): void {
    this.#handingOver = true
  }

  /** Lets everybody go as they are: their leases are the next owner's. Whoever calls now finds nobody until the lock is free. */
  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.close(this.#handingOver)
  }
}

function letGo(line: Line, handingOver: boolean): void {
  if (handingOver) line.send(JSON.stringify({ handover: true }))
  line.end()
}

class Call {
  readonly #options: OwnerServiceOptions
  readonly #line: Line
  readonly #claims = new Map<unknown, AbortController>()
  /** Nothing aborted it and nobody listens to it any more: making one costs more than the claim itself. */
  #spare: AbortController | undefined
  #port: LocalPort | undefined
  #closed = false

  constructor(options: OwnerServiceOptions, line: Line, ended: () => void) {
    this.#options = options
    this.#line = line
    line.onEnd = () => {
      ended()
      this.#ended()
    }
    line.onMessage = text => this.#hear(text)
  }

  close(handingOver: boolean): void {
    this.#closed = true
    letGo(this.#line, handingOver)
  }

  /** The consumer's process is dead, or has let go: what it still holds comes back at once. */
  #ended(): void {
    if (this.#closed) return
    this.#closed = true
    for (const claim of this.#claims.values()) claim.abort()
    this.#port?.gone()
  }

  #hear(text: string): void {
    const said = parseSaid(text)
    if (said === undefined) this.#line.end()
    else if (said.op === 'poke') this.#poke(said)
    else if (said.op === 'cancel') this.#claims.get(said.claim)?.abort()
    else this.#ask(said)
  }

  #ask(said: Said): void {
    const { id } = said
    this.#answer(said).then(
      ok => this.#line.send(JSON.stringify({ id, ok })),
      (error: unknown) => this.#line.send(JSON.stringify({ id, error: errorToSay(error) }))
    )
  }

  #poke({ channel, priority, path, end }: Said): void {
    if (typeof channel !== 'string' || !PRIORITIES.includes(priority as number)) {
      this.#options.poke()
      return
    }
    try {
      checkChannel(channel)
    } catch {
      return
    }
    const hint: PullHint = { channel, priority: priority as number }
    if (typeof path === 'string') hint.path = path
    if (Number.isSafeInteger(end)) hint.end = end as number
    this.#options.poke(hint)
  }

  async #answer(said: Said): Promise<unknown> {
    const { inbox } = this.#options
    switch (said.op) {
      case 'attach':
        return { lost: await this.#attach(said) }
      case 'claim':
        return await this.#claim(said.id, said.request as ClaimRequest)
      case 'settle':
        return await this.#attachedPort().settle(said.verdicts as Verdict[])
      case 'extend':
        return await this.#attachedPort().extend(said.leases as string[], Number(said.leaseMs))
      case 'peek':
        return await this.#peek(said.request as PeekRequest)
      case 'steer':
        return await this.#steer(said.request as SteerRequest)
      case 'move':
        return await this.#options.moves.move(said.request as MoveRequest)
      case 'depths':
        return inbox.depths()
      case 'handover':
        return await this.#options.handOver()
      case 'bye':
        await this.#port?.close()
        this.#port = undefined
        return true
      default:
        throw new TypeError(`unknown op ${JSON.stringify(said.op)}`)
    }
  }

  #attach(said: Said): Promise<string[]> {
    const { inbox, spool } = this.#options
    const { consumer } = said
    if (said.spool !== spool) throw new DroprError('OWNER_UNREACHABLE', 'this is the owner of another spool')
    const port = inbox.port({ own: false })
    port.onLost = lost => this.#line.send(JSON.stringify({ lost }))
    this.#port?.gone()
    this.#port = port
    return port.adopt(
      said.held as { lease: string; remainingMs: number }[],
      typeof consumer === 'string' ? consumer : undefined,
      aboutSaid(said.about)
    )
  }

  async #claim(id: unknown, request: ClaimRequest): Promise<unknown> {
    for (const channel of request.channels) checkChannel(channel)
    const abort = this.#spare ?? new AbortController()
    this.#spare = undefined
    this.#claims.set(id, abort)
    try {
      return await this.#attachedPort().claim(request, abort.signal)
    } finally {
      this.#claims.delete(id)
      if (!abort.signal.aborted) this.#spare = abort
    }
  }

  #peek(request: PeekRequest): Promise<unknown> {
    checkChannel(request.channel)
    return this.#attachedPort().peek(request)
  }

  #steer(request: SteerRequest): Promise<unknown> {
    if (request.channel !== undefined) checkChannel(request.channel)
    return this.#attachedPort().steer(request)
  }

  #attachedPort(): LocalPort {
    if (this.#port === undefined) throw new TypeError('attach first')
    return this.#port
  }
}
