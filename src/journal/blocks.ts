/** Smaller ones come and go without V8 taking note of their bytes. */
const BLOCK_BYTES_MIN = 16_384
/** Spare blocks hold together no more than this. */
const SPARE_BYTES_MAX = 16_777_216

/**
 * Memory that bytes pass through, used again and again. Fresh memory for each range costs twice: the system has to clear it,
 * and after each 8 MiB of it V8 looks through the whole heap for more.
 *
 * Nobody has to give a block back: one that is not, after an error say, is garbage like any other.
 */
export class Blocks {
  #spare: ArrayBuffer[] = []
  #spareBytes = 0
  #noted = false
  /** Those that were taken and not given back. */
  readonly #taken = new WeakSet<ArrayBufferLike>()

  /** `bytes` bytes with anything in them. */
  take(bytes: number): Buffer {
    if (bytes < BLOCK_BYTES_MIN) return Buffer.allocUnsafe(bytes)
    const size = 2 ** Math.ceil(Math.log2(bytes))
    const at = this.#spare.findIndex(({ byteLength }) => byteLength === size)
    const block = at === -1 ? Buffer.allocUnsafeSlow(size).buffer : this.#spare.splice(at, 1)[0]!
    if (at !== -1) this.#spareBytes -= size
    this.#taken.add(block)
    return Buffer.from(block, 0, bytes)
  }

  /** Nobody reads or writes these bytes any more. Bytes that are in no block, or in one that was given back, change nothing. */
  give({ buffer }: Buffer): void {
    if (!this.#taken.delete(buffer)) return
    if (this.#spareBytes + buffer.byteLength > SPARE_BYTES_MAX) return
    this.#spare.push(buffer as ArrayBuffer)
    this.#spareBytes += buffer.byteLength
    if (!this.#noted) note(this)
    this.#noted = true
  }

  get spareBytes(): number {
    return this.#spareBytes
  }

  /** Keeps no spare block. */
  letGo(): void {
    this.#spare = []
    this.#spareBytes = 0
  }
}

/** All that ever kept a spare block. There may be thousands, one a channel: nothing here goes through them but once in a quiet minute. */
const hoards = new Set<WeakRef<Blocks>>()
const gone = new FinalizationRegistry<WeakRef<Blocks>>(ref => hoards.delete(ref))

function note(blocks: Blocks): void {
  const ref = new WeakRef(blocks)
  hoards.add(ref)
  gone.register(blocks, ref)
}

/** The spare blocks of this process. */
export const spareBlocks = {
  bytes: (): number => [...hoards].reduce((sum, ref) => sum + (ref.deref()?.spareBytes ?? 0), 0),
  letGo: (): void => {
    for (const ref of hoards) ref.deref()?.letGo()
  }
}
