import type { Sifted } from './sift.ts'

/**
 * What arrives in a channel of ours (outcomes, replies) is finished when it is here: whoever waits for it reads the files, nobody
 * claims it, it takes no memory, and it goes with its segment.
 */
export function keepOnly(read: Pick<Sifted, 'present' | 'receipts'>): void {
  read.present = []
  read.receipts = false
}
