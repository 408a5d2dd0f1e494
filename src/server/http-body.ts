import type { IncomingMessage } from 'node:http'
import { DroprError } from '../errors.ts'
import type { Blocks } from '../journal/blocks.ts'
import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'

/** A body as far as it came. */
export interface Body {
  bytes: Buffer
  /** False: the sender went away, or was too slow, before the end. */
  whole: boolean
  /** It is longer than `bytes`, which only happens where its length was not said before. */
  over: boolean
}

/** So often a sender hears that its body is coming in (102), while it is. */
const PROGRESS_MS = 1_000

const SMALL_BYTES = 65_536

type BodyLimits = Pick<Limits, 'bodyBytesPerSecondMin' | 'stallMsMax'>

/**
 * Reads a body of known length into one buffer. Never rejects: what came of a cut body is worth having.
 *
 * Whether anything moves at all is the socket's time-out to watch; here a sender is cut that keeps moving, but slower than
 * `bodyBytesPerSecondMin` over the whole body, judged once `stallMsMax` has passed.
 *
 * @param said False: `bytes` is the most that it may have, and its end is where it ends.
 * @param blocks Where the memory for it comes from: who calls may give it back.
 * @param progress Called about once a second while the body moves: all that a sender sees of it is that its system has taken
 * the bytes, which on a slow line is long before they arrive.
 */
export function readBody(
  message: IncomingMessage,
  bytes: number,
  world: { clock: Clock; limits: BodyLimits; blocks?: Blocks; progress: () => void },
  said = true
): Promise<Body> {
  const { clock, limits, blocks, progress } = world
  // Not from Buffer's pool, whose slab a small parked body would hold. The system gives memory as it is filled, not before.
  const into =
    bytes < SMALL_BYTES ? Buffer.allocUnsafeSlow(bytes) : (blocks?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes))
  const began = clock.ticks()
  let filled = 0
  let told = began
  return new Promise(resolve => {
    const finish = (whole: boolean, over = false) => {
      message.off('data', take).off('end', end).off('error', cut).off('close', cut)
      resolve({ bytes: filled === bytes ? into : into.subarray(0, filled), whole, over })
    }
    const take = (chunk: Buffer) => {
      // Where a length was announced, the parser of node:http gives no more.
      if (filled + chunk.length > bytes) return finish(false, true)
      into.set(chunk, filled)
      filled += chunk.length
      const now = clock.ticks()
      const ms = now - began
      if (now - told > PROGRESS_MS) {
        told = now
        progress()
      }
      if (ms > limits.stallMsMax && filled < bytes && filled * 1_000 < ms * limits.bodyBytesPerSecondMin) finish(false)
    }
    const end = () => finish(!said || filled === bytes)
    const cut = () => finish(false)
    message.on('data', take).on('end', end).on('error', cut).on('close', cut)
    // Errors of a message that was cut come later, and to nobody.
    message.on('error', () => undefined)
  })
}

/**
 * The pieces of a body, as they are asked for. Ends with an error when it is cut, or when its sender, while it is waited for, stands
 * still for `stallMsMax` or is slower than `bodyBytesPerSecondMin`: a disk that is slow is not the sender's fault.
 *
 * What is not asked for any more is read and dropped, so that the answer gets through.
 */
export async function* streamBody(
  message: IncomingMessage,
  { clock, limits }: { clock: Clock; limits: BodyLimits }
): AsyncGenerator<Buffer, void> {
  // Errors of a message that was cut come later, and to nobody.
  message.on('error', () => undefined)
  const pieces = message.iterator({ destroyOnReturn: false })
  let bytes = 0
  let waitedMs = 0
  try {
    for (;;) {
      const began = clock.ticks()
      message.socket.setTimeout(limits.stallMsMax)
      const { done, value } = (await pieces.next()) as IteratorResult<Buffer, void>
      message.socket.setTimeout(0)
      if (done) return
      bytes += value.length
      waitedMs += clock.ticks() - began
      if (waitedMs > limits.stallMsMax && bytes * 1_000 < waitedMs * limits.bodyBytesPerSecondMin)
        throw new DroprError('REQUEST_BAD', 'the body came too slowly')
      yield value
    }
  } finally {
    message.resume()
  }
}

/**
 * node:http reads the rest of a body and drops it: closing at once would take our answer away from a sender that still sends. Not
 * for ever, though.
 */
export function dropRest(message: IncomingMessage, { clock, limits }: { clock: Clock; limits: BodyLimits }): void {
  void clock.sleep(limits.stallMsMax).then(() => {
    if (!message.complete) message.destroy()
  })
}

/** Bytes of bodies that may be in memory at once, over all senders and for each. */
export class BodyBudget {
  readonly #bytesMax: number
  readonly #peerBytesMax: number
  readonly #taken = new Map<string, number>()
  #bytes = 0

  constructor(limits: { bytesMax: number; peerBytesMax: number }) {
    this.#bytesMax = limits.bytesMax
    this.#peerBytesMax = limits.peerBytesMax
  }

  /** False: not now. */
  take(peer: string, bytes: number): boolean {
    const taken = this.#taken.get(peer) ?? 0
    if (this.#bytes + bytes > this.#bytesMax || taken + bytes > this.#peerBytesMax) return false
    this.#bytes += bytes
    this.#taken.set(peer, taken + bytes)
    return true
  }

  give(peer: string, bytes: number): void {
    this.#bytes -= bytes
    const left = (this.#taken.get(peer) ?? 0) - bytes
    if (left > 0) this.#taken.set(peer, left)
    else this.#taken.delete(peer)
  }
}
