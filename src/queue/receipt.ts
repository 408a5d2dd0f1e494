export type Durability = 'synced' | 'buffered'

/** What a resolved send says. */
export interface Receipt {
  readonly id: string
  /** `queued`: in the outbox. `scheduled`: held until `dueAt`. */
  readonly state: 'queued' | 'scheduled'
  /** `synced`: survives a power cut here. `buffered`: survives the death of this process only. */
  readonly durability: Durability
  /** Of what is scheduled: ISO 8601 in UTC. */
  readonly dueAt?: string
}

export const syncedReceipt = (id: string): Receipt => ({ id, state: 'queued', durability: 'synced' })
export const bufferedReceipt = (id: string): Receipt => ({ id, state: 'queued', durability: 'buffered' })

export function scheduledReceipt(due: number, durability: Durability): (id: string) => Receipt {
  const dueAt = new Date(due).toISOString()
  return id => ({ id, state: 'scheduled', durability, dueAt })
}
