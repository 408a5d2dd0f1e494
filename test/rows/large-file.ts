import { closeSync, openSync, writeSync } from 'node:fs'

const MIB = 1_048_576

/** So many MiB, each different. */
export function makeFile(name: string, mib: number): void {
  const fd = openSync(name, 'w')
  const part = new Part()
  for (let i = 0; i < mib; i++) writeSync(fd, part.numbered(i))
  closeSync(fd)
}

/**
 * The first byte at which what comes is not what `makeFile` writes; undefined when all of it came and nothing else. What a
 * hash of both would say, for a tenth of the work.
 */
export async function differsAt(stream: AsyncIterable<Uint8Array>, mib: number): Promise<number | undefined> {
  const part = new Part()
  let at = 0
  let first: number | undefined
  // To the end, whatever it holds: who stops in the middle cuts the stream.
  for await (const chunk of stream) {
    for (let done = 0; done < chunk.length; ) {
      const from = at % MIB
      const bytes = Math.min(MIB - from, chunk.length - done)
      const same = part.numbered(Math.floor(at / MIB)).compare(chunk, done, done + bytes, from, from + bytes) === 0
      if (!same || at + bytes > mib * MIB) first ??= at
      done += bytes
      at += bytes
    }
  }
  return first ?? (at === mib * MIB ? undefined : at)
}

/** The MiB of one number after the other, in the same memory. */
class Part {
  readonly #bytes = Buffer.alloc(MIB)
  #number = -1

  numbered(number: number): Buffer {
    if (number === this.#number) return this.#bytes
    this.#bytes.fill('dropr ').writeUInt32LE(number, number % 1_000_000)
    this.#number = number
    return this.#bytes
  }
}
