/** Notes kept of one stream; beyond that they are thinned out. */
const NOTES_MAX = 2_048
const STEP_MS = 1_000

/** When the messages of a stream were written, roughly: a note a second, fewer for a stream that lasts longer than half an hour. */
export class Times {
  #positions: number[] = []
  #walls: number[] = []
  #stepMs = STEP_MS

  /** @param at Wall ms of the frame that begins at `position`. */
  note(position: number, at: number): void {
    const last = this.#positions.length - 1
    if (last >= 0 && (position <= this.#positions[last]! || at - this.#walls[last]! < this.#stepMs)) return
    if (this.#positions.length >= NOTES_MAX) this.#thin()
    this.#positions.push(position)
    this.#walls.push(at)
  }

  /** Wall ms when a message was written, up to a step early; undefined when that part was never read. */
  at(position: number): number | undefined {
    let low = 0
    let high = this.#positions.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#positions[middle]! <= position) low = middle + 1
      else high = middle
    }
    return this.#walls[low - 1]
  }

  #thin(): void {
    this.#positions = this.#positions.filter((_, i) => i % 2 === 0)
    this.#walls = this.#walls.filter((_, i) => i % 2 === 0)
    this.#stepMs *= 2
  }
}
