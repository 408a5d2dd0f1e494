import { randomFillSync } from 'node:crypto'

/** Chance, as the rest of dropr sees it. Nothing else calls Math.random() or node:crypto's generators. */
export interface Random {
  /** A number in [0, 1). For jitter. */
  next(): number
  /** `count` unpredictable bytes. For names, salts, nonces. */
  bytes(count: number): Buffer
}

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: count => randomFillSync(Buffer.alloc(count))
}
