/** What comes next by a number: a binary heap. What has the same number comes in any order. */
export class Heap<T> {
  readonly #keys: number[] = []
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** The lowest number; undefined when empty. */
  get first(): number | undefined {
    return this.#keys[0]
  }

  push(key: number, item: T): void {
    let at = this.#items.length
    this.#keys.push(key)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (this.#keys[parent]! <= this.#keys[at]!) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes out the item with the lowest number, if that is at most `key`. */
  popUpTo(key: number): T | undefined {
    if (this.#items.length === 0 || this.#keys[0]! > key) return undefined
    const first = this.#items[0]!
    const lastKey = this.#keys.pop()!
    const lastItem = this.#items.pop()!
    if (this.#items.length > 0) {
      this.#keys[0] = lastKey
      this.#items[0] = lastItem
      this.#sink()
    }
    return first
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      let least = at
      if (left < this.#keys.length && this.#keys[left]! < this.#keys[least]!) least = left
      if (left + 1 < this.#keys.length && this.#keys[left + 1]! < this.#keys[least]!) least = left + 1
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const key = this.#keys[a]!
    const item = this.#items[a]!
    this.#keys[a] = this.#keys[b]!
    this.#items[a] = this.#items[b]!
    this.#keys[b] = key
    this.#items[b] = item
  }
}
