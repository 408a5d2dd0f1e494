import { tell } from './worker.ts'

/** Touches so many bytes of memory, page by page, and gives them back by ending. Says what a page took, in µs. */
const { bytes }: TouchJob = JSON.parse(process.argv[2]!)

export interface TouchJob {
  bytes: number
}

const PAGE_BYTES = 4_096
const BLOCK_BYTES = 256 * 1_048_576
const blocks: Buffer[] = []
const from = performance.now()
for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
  const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, left))
  for (let at = 0; at < block.length; at += PAGE_BYTES) block[at] = 1
  blocks.push(block)
}
tell({ pageUs: ((performance.now() - from) * 1_000) / (bytes / PAGE_BYTES) })
