import type { ReadFile } from '../system/files.ts'

/** What is read at once, and how small a read must be to come out of it. */
const AHEAD = { bytes: 65_536, readBytesMax: 4_096 }
/** Reads farther apart than this get too little out of what was read ahead. */
const GAP_BYTES_MAX = AHEAD.bytes / 4

/**
 * Small reads of one file that follow one another come out of one larger one: each call in a thread costs more than all else
 * that taking a message does.
 *
 * What was read ahead may be from before it was written: whoever finds it damaged must read it again.
 */
export class ReadAhead {
  #window: { from: number; to: number; bytes: Promise<Buffer> } | undefined
  /** Where the last small read ended. */
  #end = Number.POSITIVE_INFINITY

  /** The bytes from `position`, by themselves; undefined when they must be read: they do not follow the last ones, or are many. */
  async read(file: ReadFile, position: number, length: number): Promise<Buffer | undefined> {
    if (length > AHEAD.readBytesMax) return undefined
    const follows = position >= this.#end && position - this.#end <= GAP_BYTES_MAX
    this.#end = position + length
    const covered = this.#window !== undefined && position >= this.#window.from && this.#end <= this.#window.to
    if (!covered) {
      if (!follows) return undefined
      // Before anything is awaited: whoever asks meanwhile waits for the same.
      const to = position + AHEAD.bytes
      this.#window = { from: position, to, bytes: readAt(file, position, AHEAD.bytes) }
    }
    const { from, bytes } = this.#window!
    const found = part(await bytes, position - from, length)
    if (found === undefined) this.forget()
    return found
  }

  /** What was read ahead is of no use any more. */
  forget(): void {
    this.#window = undefined
  }
}

/** Up to `length` bytes from `position`; fewer when the file ends. */
export async function readAt(file: ReadFile, position: number, length: number, fresh = false): Promise<Buffer> {
  const into = Buffer.allocUnsafeSlow(length)
  const got = await file.read(into, position, fresh)
  return got === length ? into : into.subarray(0, got)
}

/** A copy: a message that is kept must not keep all that was read with it. */
function part(bytes: Buffer, at: number, length: number): Buffer | undefined {
  if (at + length > bytes.length) return undefined
  const own = Buffer.allocUnsafeSlow(length)
  bytes.copy(own, 0, at, at + length)
  return own
}
