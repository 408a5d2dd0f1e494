import { compareFences, type HandOut, type Sent } from './ledger.ts'

/** First deliveries out of the order in which they were sent (P6). */
export function outOfOrder(all: Iterable<Sent>): { lane: string; early: Sent; late: Sent }[] {
  const lanes = new Map<string, { sent: Sent; first: HandOut }[]>()
  for (const sent of all) {
    const first = sent.handOuts.find(({ deliveries }) => deliveries === 1)
    if (first === undefined || sent.moved) continue
    const lane = lanes.get(sent.lane)
    if (lane === undefined) lanes.set(sent.lane, [{ sent, first }])
    else lane.push({ sent, first })
  }
  const wrong: { lane: string; early: Sent; late: Sent }[] = []
  for (const [lane, firsts] of lanes) {
    firsts.sort((a, b) => compareFences(a.first.lease, b.first.lease) || a.first.index - b.first.index)
    let latest: Sent | undefined
    for (const { sent } of firsts) {
      // One that was sent again by the same process may have the place of any of its calls.
      if (latest !== undefined && sent.lastCall < latest.firstCall) wrong.push({ lane, early: latest, late: sent })
      if (latest === undefined || sent.firstCall > latest.firstCall) latest = sent
    }
  }
  return wrong
}
