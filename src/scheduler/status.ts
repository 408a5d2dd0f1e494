import type { Catalog } from './catalog.ts'
import type { Firing } from './firing.ts'
import type { Loops } from './loops.ts'
import type { Near } from './near.ts'
import type { Soon } from './soon.ts'
import type { Failing } from './trouble.ts'

/** How a shard is doing. Times are wall ms. */
export interface ShardStatus {
  /** Messages that wait in buckets. */
  held: number
  /** Those of them in the segments that messages go out from. */
  near: number
  /** Due and not yet handed over, as far as they have been read (up to 65,536). */
  due: number
  /** When the first of all is due, or earlier; missing when none waits. Past: it is overdue. */
  nextDueAt?: number
  /** When this shard was taken over. */
  startedAt: number
  segments: number
  active: number
  fired: number
  /** When something was last handed over. */
  firedAt?: number
  /** Handed over more than a second after they were due. */
  late: number
  failures: number
  promoted: number
  /** How long a loop has not come round, ms. */
  stillMs: number
  /** Handing over, or moving on, fails since then. */
  failing?: Failing
}

export function statusOf(parts: {
  catalog: Catalog
  near: Near
  soon: Soon
  firing: Firing
  loops: Loops
  promoted: number
  startedAt: number
  now: number
}): ShardStatus {
  const { catalog, near, soon, firing, loops, promoted, startedAt, now } = parts
  const { fired, firedAt, late, failures } = firing
  // Of a page that was not read yet it is only known that it comes after what was.
  const nearDue = near.due === 0 ? (soon.lastDue ?? catalog.firstDue) : near.due
  let nextDueAt = Math.min(soon.firstDue ?? Number.POSITIVE_INFINITY, nearDue, catalog.soonest)
  let due = soon.dueBy(now)
  for (const row of firing.waiting) {
    nextDueAt = Math.min(nextDueAt, row.due)
    if (row.due <= now) due++
  }
  const failing = firing.trouble.failing ?? loops.trouble.failing
  return {
    held: catalog.left,
    near: near.left,
    due,
    ...(Number.isFinite(nextDueAt) && { nextDueAt }),
    startedAt,
    segments: catalog.size,
    active: near.size,
    fired,
    ...(firedAt !== undefined && { firedAt }),
    late,
    failures,
    promoted,
    stillMs: Math.max(0, Math.round(loops.stillMs)),
    ...(failing && { failing })
  }
}
