export type Durability = 'synced' | 'buffered'

/** What a resolved send says. */
export interface Receipt {
  readonly id: string
  /** In the outbox. */
  readonly state: 'queued'
  /** `synced`: survives a power cut here. `buffered`: survives the death of this process only. */
  readonly durability: Durability
}

export const syncedReceipt = (id: string): Receipt => ({ id, state: 'queued', durability: 'synced' })
export const bufferedReceipt = (id: string): Receipt => ({ id, state: 'queued', durability: 'buffered' })
