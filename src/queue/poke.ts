import type { OutboxHint } from '../spool/outbox-writer.ts'
import { findHolder } from '../system/lock.ts'
import type { Line } from '../system/sockets.ts'
import type { System } from '../system/system.ts'

/** Nobody answered: not asked again before. Meanwhile the file watcher and the timed scan find what was sent. */
const ASK_AGAIN_MS = 1_000
/** Asked to be quiet about a peer: for no longer than this, whatever was asked. */
const QUIET_MS_MAX = 1_000
/** What to say once connected; beyond that, the scan finds it. */
const WAITING_MAX = 100

interface PokeHere {
  poke(hint: OutboxHint): void
}

export interface PokerOptions {
  system: System
  /** The spool's folder of sockets. */
  run: string
  node: string
  /** The inbox's owner, when it is in this process. */
  here: () => PokeHere | undefined
}

/**
 * Tells whoever takes messages further that there are some: the client daemon, or for this node the inbox's owner.
 *
 * A hint: it may get lost, and nobody waits for it.
 */
export class Poker {
  readonly #node: string
  readonly #here: () => PokeHere | undefined
  readonly #client: PokeLine
  readonly #owner: PokeLine

  constructor(options: PokerOptions) {
    this.#node = options.node
    this.#here = options.here
    this.#client = new PokeLine(options.system, { folder: options.run, name: 'client' })
    this.#owner = new PokeLine(options.system, { folder: options.run, name: 'owner' })
  }

  poke(hint: OutboxHint): void {
    const local = hint.peer === this.#node
    const here = local ? this.#here() : undefined
    if (here !== undefined) here.poke(hint)
    else (local ? this.#owner : this.#client).say(hint)
  }

  close(): void {
    this.#client.close()
    this.#owner.close()
  }
}

/** A line to the holder of a lock, made when there is something to say. */
class PokeLine {
  readonly #system: System
  readonly #lock: { folder: string; name: string }
  readonly #waiting = new Set<string>()
  /** Peers that nothing goes to now, and until when to say nothing of them, ticks. */
  readonly #quiet = new Map<string, number>()
  #line: Line | undefined
  #asking = false
  #notBefore = 0
  #closed = false

  constructor(system: System, lock: { folder: string; name: string }) {
    this.#system = system
    this.#lock = lock
  }

  say(hint: OutboxHint): void {
    if (this.#isQuiet(hint.peer)) return
    this.#line?.send(textOf(hint))
    if (this.#line !== undefined || this.#closed) return
    if (this.#waiting.size < WAITING_MAX) this.#waiting.add(textOf(hint))
    if (!this.#asking && this.#system.clock.ticks() >= this.#notBefore) void this.#connect()
  }

  close(): void {
    this.#closed = true
    this.#line?.end()
    this.#line = undefined
  }

  #isQuiet(peer: string): boolean {
    const until = this.#quiet.get(peer)
    if (until === undefined) return false
    if (this.#system.clock.ticks() < until) return true
    this.#quiet.delete(peer)
    return false
  }

  #hear(text: string): void {
    const quiet = quietOf(text)
    if (quiet !== undefined) this.#quiet.set(quiet.peer, this.#system.clock.ticks() + quiet.ms)
  }

  async #connect(): Promise<void> {
    this.#asking = true
    const holder = await findHolder(this.#system, this.#lock).catch(() => undefined)
    this.#asking = false
    this.#notBefore = this.#system.clock.ticks() + ASK_AGAIN_MS
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    if (holder === undefined) return
    const { line } = holder
    line.onMessage = text => this.#hear(text)
    line.onEnd = () => {
      if (this.#line !== line) return
      this.#line = undefined
      this.#quiet.clear()
    }
    if (this.#closed) return line.end()
    this.#line = line
    for (const text of waiting) line.send(text)
  }
}

function textOf({ peer, channel, priority, path, end }: OutboxHint): string {
  return JSON.stringify({ op: 'poke', peer, channel, priority, path, end })
}

function quietOf(text: string): { peer: string; ms: number } | undefined {
  try {
    const { quiet } = JSON.parse(text) as { quiet?: { peer?: unknown; ms?: unknown } }
    const { peer, ms } = quiet ?? {}
    return typeof peer === 'string' && typeof ms === 'number' ? { peer, ms: Math.min(ms, QUIET_MS_MAX) } : undefined
  } catch {
    return undefined
  }
}
