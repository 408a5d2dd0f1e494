import { isUtf8 } from 'node:buffer'

const NEWLINE = 10

/** The lines of what arrives in pieces, without their newlines. A last line needs none. Bytes stay as they are. */
export class LineSplitter {
  #rest: Buffer[] = []
  #restBytes = 0
  readonly #bytesMax: number

  /** @param bytesMax A line may have so many bytes; `push` throws a RangeError for a longer one. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = []
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      lines.push(this.#take(chunk.subarray(from, at)))
      from = at + 1
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from))
    return lines
  }

  /** What came after the last newline, if anything did. */
  end(): Buffer[] {
    return this.#restBytes > 0 ? [this.#take(Buffer.alloc(0))] : []
  }

  #take(tail: Buffer): Buffer {
    if (this.#restBytes === 0) return tail
    const line = Buffer.concat([...this.#rest, tail])
    this.#rest = []
    this.#restBytes = 0
    return line
  }

  #keep(part: Buffer): void {
    this.#rest.push(part)
    this.#restBytes += part.length
    if (this.#restBytes > this.#bytesMax) throw new RangeError(`a line has more than ${this.#bytesMax} bytes`)
  }
}

/** A body as consumers like it: text where it is UTF-8, else bytes. The bytes are the same either way. */
export function bodyOf(bytes: Buffer): string | Buffer {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes
}
