import { compareFences, type HandOut, type Sent } from './ledger.ts'

/** Messages of one key that were not one at a time: one came again after a later one of the key had come. */
export function besideOthers(all: Iterable<Sent>): { key: string; sent: Sent; other: Sent }[] {
  const keys = new Map<string, { sent: Sent; handOut: HandOut }[]>()
  for (const sent of all) {
    if (sent.key === undefined) continue
    const key = `${sent.to} ${sent.channel} ${sent.key}`
    const ofKey = keys.get(key) ?? []
    keys.set(key, ofKey)
    for (const handOut of sent.handOuts) ofKey.push({ sent, handOut })
  }
  const wrong: { key: string; sent: Sent; other: Sent }[] = []
  for (const [key, ofKey] of keys) {
    ofKey.sort((a, b) => compareFences(a.handOut.lease, b.handOut.lease) || a.handOut.index - b.handOut.index)
    const over = new Set<Sent>()
    let now: Sent | undefined
    for (const { sent } of ofKey) {
      if (now !== undefined && sent !== now) over.add(now)
      if (over.has(sent)) wrong.push({ key, sent, other: now! })
      now = sent
    }
  }
  return wrong
}
