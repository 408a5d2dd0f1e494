import type { Spool } from '../spool/spool.ts'
import { entriesOf } from './held-file.ts'
import type { HeldRow } from './merge.ts'

/**
 * Finds messages that lie twice: a scheduler copied them, and died before it had marked that they were moved. In the order in which
 * messages go out copies are neighbours, so that those of one due and sent time need be remembered only.
 */
export class Copies {
  readonly #spool: Spool
  #first: HeldRow | undefined
  /** By a part of the id's hash; nothing as long as there is only the first. */
  readonly #more = new Map<number, HeldRow[]>()

  constructor(spool: Spool) {
    this.#spool = spool
  }

  /**
   * What came before and is the same message, byte for byte. To be called with each row, in their order, one after the other.
   *
   * @returns Undefined at once for all but few: among millions, to wait for each would cost more than all else.
   */
  earlierOf(row: HeldRow): Promise<HeldRow | undefined> | undefined {
    const first = this.#first
    if (first === undefined || first.due !== row.due || first.sentAt !== row.sentAt) {
      this.#first = row
      if (this.#more.size > 0) this.#more.clear()
      return undefined
    }
    if (this.#more.size === 0) this.#more.set(first.a, [first])
    const likely = this.#more.get(row.a)
    if (likely !== undefined) return this.#among(likely, row)
    this.#more.set(row.a, [row])
    return undefined
  }

  async #among(likely: HeldRow[], row: HeldRow): Promise<HeldRow | undefined> {
    for (const earlier of likely) if (mayBeSame(earlier, row) && (await this.#isSame(earlier, row))) return earlier
    likely.push(row)
    return undefined
  }

  /** A message for several destinations has the same id, but not the same bytes. */
  async #isSame(earlier: HeldRow, row: HeldRow): Promise<boolean> {
    const [one, other] = await Promise.all([this.#entryOf(earlier), this.#entryOf(row)])
    return one !== undefined && other !== undefined && one.equals(other)
  }

  async #entryOf({ held, offset, bytes }: HeldRow): Promise<Buffer | undefined> {
    return (await entriesOf(this.#spool, held.path, [{ offset, bytes }]))[0]
  }
}

function mayBeSame(a: HeldRow, b: HeldRow): boolean {
  if (a.held === b.held && a.position === b.position) return false
  return a.b === b.b && a.channel === b.channel && a.bytes === b.bytes
}
