import { diskError } from '../errors.ts'
import { checkEntries } from '../journal/check-entries.ts'
import type { Files } from '../system/files.ts'
import type { OffsetBudget } from './offset-budget.ts'
import { type Block, type Piece, placeOf } from './pieces.ts'

const ANY = { entryBytesMax: Number.POSITIVE_INFINITY, messagesOnly: false }

/** Reads entries of the inbox back, where memory holds only their place. */
export class BlockReader {
  readonly #files: Files
  readonly #budget: OffsetBudget

  constructor(files: Files, budget: OffsetBudget) {
    this.#files = files
    this.#budget = budget
  }

  /** Learns where the entries of a block begin. */
  async load(block: Block): Promise<void> {
    if (block.offsets !== undefined) return
    const bytes = await this.#read(block.path, block.payloadAt, block.bytes)
    const checked = checkEntries(bytes, ANY)
    // Of damaged entries only the place where they begin is known: their consumer finds the damage.
    const offsets = new Uint32Array(block.to - block.from + 1).fill(checked.end)
    offsets.set(checked.offsets.subarray(0, offsets.length))
    offsets[offsets.length - 1] = block.bytes
    this.#budget.give(block, offsets)
  }

  /** The entries of a piece, one after the other, up to the first damaged one. */
  async entries(piece: Piece): Promise<Buffer[]> {
    const { block, from, to } = piece
    if (placeOf(block, from, to) === undefined) await this.load(block)
    const place = placeOf(block, from, to)!
    const bytes = await this.#read(block.path, place.at, place.bytes)
    const { offsets, count } = checkEntries(bytes, ANY)
    return Array.from({ length: count }, (_, i) => bytes.subarray(offsets[i], offsets[i + 1]))
  }

  async #read(path: string, at: number, bytes: number): Promise<Buffer> {
    try {
      const file = await this.#files.open(path)
      try {
        const into = Buffer.alloc(bytes)
        return into.subarray(0, await file.read(into, at))
      } finally {
        await file.close()
      }
    } catch (error) {
      throw diskError(error, `read ${path}`)
    }
  }
}
