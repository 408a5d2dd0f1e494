import type { Spool } from '../spool/spool.ts'
import type { Catalog } from './catalog.ts'
import { Copies } from './copies.ts'
import { Firing } from './firing.ts'
import type { Held } from './held.ts'
import { walkHeld } from './listing.ts'
import type { HeldRow } from './merge.ts'

/** Rows that are looked at in one turn: others hand over, steer and move in between. */
const TURN_ROWS = 1_024
/** Who wants a forecast waits for it so long at most. */
const WAIT_MS_MAX = 10_000

/**
 * Drops one of two copies that a scheduler left which died between copying and marking. Goes once through all that is held, after
 * a death only, in turns: ten million take some minutes, and no more memory than ten.
 */
export class Doubles {
  readonly #spool: Spool
  readonly #catalog: Catalog
  readonly #drop: (copies: readonly HeldRow[]) => Promise<void>
  /** Up to where all has been looked at, wall ms. */
  #from = 0
  /** One was left for a later look. */
  #isLeft = false

  constructor(options: { spool: Spool; catalog: Catalog; drop: (copies: readonly HeldRow[]) => Promise<void> }) {
    this.#spool = options.spool
    this.#catalog = options.catalog
    this.#drop = options.drop
  }

  /** All that is held, as far as that is done within a few seconds, since somebody waits. */
  async lookThrough(inTurn: (look: () => Promise<boolean>) => Promise<boolean>): Promise<void> {
    const { clock } = this.#spool.system
    const until = clock.ticks() + WAIT_MS_MAX
    for (let more = true; more && clock.ticks() < until; ) more = await inTurn(() => this.look())
  }

  /** One turn. Returns whether there is more to look at. */
  async look(): Promise<boolean> {
    if (!this.#catalog.hadDeath || this.#from === Number.POSITIVE_INFINITY) return false
    const copies = new Copies(this.#spool)
    const dropped: HeldRow[] = []
    const range = { begin: this.#from, to: Number.POSITIVE_INFINITY, step: TURN_ROWS }
    let rows = 0
    let next = Number.POSITIVE_INFINITY
    let due = -1
    for await (const row of walkHeld(this.#spool, this.#catalog.all, range)) {
      if (++rows > TURN_ROWS && row.due !== due) {
        next = row.due
        break
      }
      due = row.due
      const likely = copies.earlierOf(row)
      const earlier = likely && (await likely)
      if (earlier === undefined) continue
      const copy = isSafe(earlier.held) ? row : isSafe(row.held) ? earlier : undefined
      if (copy === undefined || Firing.isBegun(earlier) || Firing.isBegun(row)) this.#isLeft = true
      else dropped.push(copy)
    }
    await this.#drop(dropped).catch((error: unknown) => {
      this.#isLeft = true
      this.#spool.system.log.warn({ error: String(error) }, 'second copies of scheduled messages stay for now')
    })
    const more = Number.isFinite(next)
    this.#from = !more && this.#isLeft ? 0 : next
    if (!more) this.#isLeft = false
    return more
  }
}

/** What an earlier scheduler had no time to give tables to may not be on the disk. */
function isSafe({ inherited, foot }: Held): boolean {
  return !inherited || foot !== undefined
}
