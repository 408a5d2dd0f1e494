/** A set of whole numbers from 0, dense: a bit each, and only as far as one was added. */
export class Bits {
  #bytes = new Uint8Array(0)
  count = 0

  has(n: number): boolean {
    return ((this.#bytes[n >> 3] ?? 0) & (1 << (n & 7))) !== 0
  }

  add(n: number): void {
    if (this.has(n)) return
    if (n >> 3 >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(64, 2 ** Math.ceil(Math.log2((n >> 3) + 1))))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[n >> 3]! |= 1 << (n & 7)
    this.count++
  }

  delete(n: number): void {
    if (!this.has(n)) return
    this.#bytes[n >> 3]! &= ~(1 << (n & 7))
    this.count--
  }

  /** As [from, to) pairs, rising. */
  runs(): [number, number][] {
    const runs: [number, number][] = []
    const end = this.#bytes.length * 8
    for (let n = 0; n < end; n++) {
      if (!this.has(n)) continue
      const from = n
      while (this.has(n)) n++
      runs.push([from, n])
    }
    return runs
  }
}

/** Numbers in any order as [from, to) pairs, rising. */
export function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && n <= last[1]) last[1] = Math.max(last[1], n + 1)
    else runs.push([n, n + 1])
  }
  return runs
}
