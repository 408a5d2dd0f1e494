import { type Block, eachOf } from './pieces.ts'

/** What of one peer waits here. */
export interface PeerShare {
  messages: number
  /** About: in frames that were joined, messages count as equally large. */
  bytes: number
  /** That it has sent to, as far as that is remembered. */
  readonly channels: Set<string>
}

/** What waits here, by the node that sent it, over all channels. */
export class PeerShares {
  readonly #shares = new Map<string, PeerShare>()

  of(node: string): PeerShare {
    let share = this.#shares.get(node)
    if (share === undefined) {
      share = { messages: 0, bytes: 0, channels: new Set() }
      this.#shares.set(node, share)
    }
    return share
  }
}

/** So many more messages of a block wait, or fewer. */
export function countShare(block: Block, count: number): void {
  const { share } = block.stream
  share.messages += count
  share.bytes += count * eachOf(block)
}
