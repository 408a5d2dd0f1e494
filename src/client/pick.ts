import type { Uploader } from './uploader.ts'

export interface PickRules {
  now: number
  /** This one does not go: others shall find out whether the peer is in trouble. */
  not: Uploader | undefined
  /** Only one upload is free. */
  last: boolean
  /** There are streams that have nothing to send now, and may at any moment. */
  others: boolean
}

/**
 * Which stream gets the next upload: higher priority first, then who has fewest on their way, then who waited longest. The last
 * free upload is kept for a stream that has none on its way, if there is one: slow streams must not take all.
 */
export function pick(active: Iterable<Uploader>, rules: PickRules): Uploader | undefined {
  let best: Uploader | undefined
  let bestIdle: Uploader | undefined
  for (const uploader of active) {
    if (uploader === rules.not || !uploader.ready(rules.now)) continue
    if (best === undefined || before(uploader, best)) best = uploader
    if (uploader.flights === 0 && (bestIdle === undefined || before(uploader, bestIdle))) bestIdle = uploader
  }
  if (!rules.last || best === undefined || best.flights === 0) return best
  return bestIdle ?? (rules.others ? undefined : best)
}

function before(a: Uploader, b: Uploader): boolean {
  if (a.source.priority !== b.source.priority) return a.source.priority > b.source.priority
  if (a.flights !== b.flights) return a.flights < b.flights
  return a.servedAt < b.servedAt
}
