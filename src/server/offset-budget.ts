import type { Block } from './pieces.ts'

const BYTES_MAX = 16_777_216

/** How much memory the offsets of entries may take, over all channels. What is beyond is read again when it is needed. */
export class OffsetBudget {
  #bytes = 0
  readonly #bytesMax: number

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Takes the offsets that a new block came with into account, or makes it forget them. */
  admit(block: Block): void {
    if (block.offsets === undefined) return
    if (this.#bytes + block.offsets.byteLength > this.#bytesMax) block.offsets = undefined
    else this.#bytes += block.offsets.byteLength
  }

  /** Offsets that were read again because they are needed now: never refused. */
  give(block: Block, offsets: Uint32Array): void {
    if (block.offsets !== undefined) return
    block.offsets = offsets
    this.#bytes += offsets.byteLength
  }

  release(block: Block): void {
    this.#bytes -= block.offsets?.byteLength ?? 0
    block.offsets = undefined
  }
}
