import { countShare } from './peer-shares.ts'
import type { Block, BlockTable } from './pieces.ts'

const BYTES_MAX = 8_388_608

/** How much memory the tables of blocks may take, over all channels. What is beyond is read again when it is needed. */
export class OffsetBudget {
  #bytes = 0
  readonly #bytesMax: number

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Takes the table that a new block came with into account, or makes it forget that. */
  admit(block: Block): void {
    if (block.table === undefined) return
    const bytes = bytesIn(block.table)
    if (this.#bytes + bytes > this.#bytesMax) block.table = undefined
    else this.#bytes += bytes
  }

  /** A table that was read again because it is needed now: never refused. */
  give(block: Block, table: BlockTable): void {
    if (block.table !== undefined) return
    block.table = table
    this.#bytes += bytesIn(table)
  }

  /** So many more messages of a block wait, or fewer. */
  settle(block: Block, count: number): void {
    block.live += count
    countShare(block, count)
    if (block.segment !== undefined) block.segment.live += count
    if (block.live === 0) this.release(block)
  }

  /** Tables that can be read again had better go. */
  get isOver(): boolean {
    return this.#bytes > this.#bytesMax
  }

  release(block: Block): void {
    if (block.table !== undefined) this.#bytes -= bytesIn(block.table)
    block.table = undefined
  }
}

function bytesIn({ begins, ends, expires, keys, later }: BlockTable): number {
  const offsets = begins.buffer === ends.buffer ? begins.byteLength : begins.byteLength + ends.byteLength
  return offsets + (expires?.byteLength ?? 0) + (keys?.byteLength ?? 0) + (later?.byteLength ?? 0)
}
