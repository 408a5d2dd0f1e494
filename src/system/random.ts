import { randomFillSync } from 'node:crypto'

/** Chance, as the rest of dropr sees it. Nothing else calls Math.random() or node:crypto's generators. */
export interface Random {
  /** A number in [0, 1). For jitter. */
  next(): number
  /** `count` unpredictable bytes. For names, salts, nonces. */
  bytes(count: number): Buffer
}

/** The system's generator costs as much for a nonce as for a page of them. */
const POOL = Buffer.alloc(4_096)
const SMALL_BYTES_MAX = 64
let used = POOL.length

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: count => {
    const bytes = Buffer.alloc(count)
    if (count > SMALL_BYTES_MAX) return randomFillSync(bytes)
    if (used + count > POOL.length) {
      randomFillSync(POOL)
      used = 0
    }
    POOL.copy(bytes, 0, used, used + count)
    // Given away once.
    POOL.fill(0, used, used + count)
    used += count
    return bytes
  }
}
