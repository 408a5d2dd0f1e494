import type { Spool } from '../spool/spool.ts'
import { findHolder } from '../system/lock.ts'
import type { Line } from '../system/sockets.ts'
import { shardLock } from './shard-root.ts'

/** Nobody answered: not asked again before; the timed scan finds what came. */
const ASK_AGAIN_MS = 1_000
export const POKE = '{"op":"poke"}'

interface Wire {
  line: Line | undefined
  asking: boolean
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
    const wire = this.#wires.get(shard) ?? { line: undefined, asking: false, notBefore: 0 }
    this.#wires.set(shard, wire)
    wire.line?.send(POKE)
    if (wire.line !== undefined || wire.asking || this.#closed) return
    if (this.#spool.system.clock.ticks() >= wire.notBefore) void this.#connect(shard, wire)
  }

  close(): void {
    this.#closed = true
    for (const { line } of this.#wires.values()) line?.end()
  }

  async #connect(shard: number, wire: Wire): Promise<void> {
    const { system } = this.#spool
    wire.asking = true
    const holder = await findHolder(system, shardLock(this.#spool, shard)).catch(() => undefined)
    wire.asking = false
    wire.notBefore = system.clock.ticks() + ASK_AGAIN_MS
    if (holder === undefined) return
    const { line } = holder
    line.onMessage = () => undefined
    line.onEnd = () => {
      if (wire.line === line) wire.line = undefined
    }
    if (this.#closed) return line.end()
    wire.line = line
    line.send(POKE)
  }
}
