import type { Spool } from '../spool/spool.ts'
import { findHolder } from '../system/lock.ts'
import type { Line } from '../system/sockets.ts'
import { shardLock } from './shard-root.ts'

/** Nobody answered: not asked again before; the timed scan finds what came. */
const ASK_AGAIN_MS = 1_000
/** What is found by then may still be told when this process ends; what is not, the timed scan finds. */
const LAST_WORD_MS_MAX = 500
export const POKE = '{"op":"poke"}'

interface Wire {
  line: Line | undefined
  asking: Promise<void> | undefined
  notBefore: number
}

/** Tells whoever works on a shard that there is something in its intake. A hint: may get lost, nobody waits for it. */
export class SchedulePoker {
  readonly #spool: Spool
  readonly #wires = new Map<number, Wire>()
  #closed = false

  constructor(spool: Spool) {
    this.#spool = spool
  }

  poke(shard: number): void {
    const wire = this.#wires.get(shard) ?? { line: undefined, asking: undefined, notBefore: 0 }
    this.#wires.set(shard, wire)
    wire.line?.send(POKE)
    if (wire.line !== undefined || wire.asking !== undefined || this.#closed) return
    if (this.#spool.system.clock.ticks() >= wire.notBefore) wire.asking = this.#connect(shard, wire)
  }

  /** Says what is still to be said: a process that sends one message and ends is the usual case. */
  async close(): Promise<void> {
    this.#closed = true
    const asking = [...this.#wires.values()].flatMap(({ asking: wait }) => wait ?? [])
    if (asking.length > 0) {
      const said = new AbortController()
      const { clock } = this.#spool.system
      await Promise.race([Promise.all(asking), clock.sleep(LAST_WORD_MS_MAX, said.signal)])
      said.abort()
    }
    for (const { line } of this.#wires.values()) line?.end()
  }

  async #connect(shard: number, wire: Wire): Promise<void> {
    const { system } = this.#spool
    const holder = await findHolder(system, shardLock(this.#spool, shard)).catch(() => undefined)
    wire.asking = undefined
    wire.notBefore = system.clock.ticks() + ASK_AGAIN_MS
    if (holder === undefined) return
    const { line } = holder
    line.onMessage = () => undefined
    line.onEnd = () => {
      if (wire.line === line) wire.line = undefined
    }
    wire.line = line
    line.send(POKE)
    if (this.#closed) line.end()
  }
}
