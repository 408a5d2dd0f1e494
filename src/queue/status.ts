/**
 * How far a message is on its way to one node. `delivered`: that node has it on its disk. `processed`: a consumer there has
 * acknowledged it. `dead`: given up, there or here. `unknown`: nothing is known of that id.
 */
export type DeliveryState =
  | 'unknown'
  | 'scheduled'
  | 'pending'
  | 'delivered'
  | 'processed'
  | 'dead'
  | 'expired'
  | 'cancelled'

/** What is known of one copy of a message. */
export interface DeliveryStatus {
  peer: string
  channel: string
  state: DeliveryState
  /** Whether the node it is for has, or had, it on its disk. */
  delivered: boolean
  /** Since when that is so, wall ms: of this node, but of the peer's clock for what its consumers said. */
  at: number
  /** scheduled: when it is due. */
  dueAt?: number
  /** processed: what its consumer said with the ack. */
  result?: unknown
  /** dead: why. */
  reason?: string
}

/** What is known of a message: `state` is that of the copy which has come least far, or else of one that failed. */
export interface MessageStatus {
  id: string
  state: DeliveryState
  /** One for each node it was sent to. */
  deliveries: DeliveryStatus[]
}

/** Under way first, the least far of all; then what failed. */
const WORST_FIRST: readonly DeliveryState[] = [
  'scheduled',
  'pending',
  'delivered',
  'dead',
  'expired',
  'cancelled',
  'processed'
]

export function statusOf(id: string, deliveries: DeliveryStatus[]): MessageStatus {
  const states = new Set(deliveries.map(({ state }) => state))
  return { id, state: WORST_FIRST.find(state => states.has(state)) ?? 'unknown', deliveries }
}

/** Whether nothing more will become of it by itself. */
export function isOver({ state }: { state: DeliveryState }): boolean {
  return WORST_FIRST.indexOf(state) > WORST_FIRST.indexOf('delivered')
}

/** A message that was sent twice under one id has one fate a peer and channel: that of the copy which came further. */
export function furthest(deliveries: readonly DeliveryStatus[]): DeliveryStatus[] {
  const byPlace = new Map<string, DeliveryStatus>()
  for (const delivery of deliveries) {
    const key = `${delivery.peer} ${delivery.channel}`
    const known = byPlace.get(key)
    if (known === undefined || rank(delivery) > rank(known)) byPlace.set(key, delivery)
  }
  return [...byPlace.values()]
}

function rank({ state }: DeliveryStatus): number {
  return ['expired', 'pending', 'delivered', 'dead', 'processed'].indexOf(state)
}
