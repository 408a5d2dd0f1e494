import type { ClientSays } from './ask-client.ts'
import type { SchedulerSays } from './ask-schedulers.ts'

/** Whether work gets done, not whether a process lives. Times are wall ms. */
export interface Health {
  ok: boolean
  /** What does not move, and since when; for people. */
  reasons: string[]
}

/** What the server knows of its own work. */
export interface ServerWork {
  /** When the oldest upload in hand began. */
  oldestUploadAt: number | undefined
  /** Since when every upload fails for a fault of this node. */
  failingSince: number | undefined
}

/**
 * Judges a node by its progress.
 *
 * A scheduler stands still when something is overdue and nothing was handed over for `progressMsMax`, or when it fails for so long.
 *
 * The client stands still when messages wait and no peer has stored anything for `progressMsMax`; the server when an upload is
 * in hand for so long, or all have failed for so long by this node's own fault. Messages that wait in the inbox are the
 * consumers' business, not the daemons': `dropr_inbox_oldest_seconds` is there to be watched.
 *
 * @param facts.client Undefined when there is none, or it does not answer: the angel sees to that.
 */
export function judgeHealth(facts: {
  now: number
  progressMsMax: number
  client: ClientSays | undefined
  /** One for each shard. */
  schedulers?: readonly SchedulerSays[]
  server: ServerWork
}): Health {
  const { now, progressMsMax, client, schedulers = [], server } = facts
  const reasons: string[] = []
  const tooLong = (since: number) => now - since > progressMsMax
  const { pending = 0, oldestAt = now, lastAckAt = 0 } = client?.progress ?? {}
  const stillSince = Math.max(client?.startedAt ?? now, oldestAt, lastAckAt)
  if (pending > 0 && tooLong(stillSince))
    reasons.push(`client: ${pending} messages wait, and no peer has stored any since ${iso(stillSince)}`)
  for (const { shard, startedAt, nextDueAt = now, firedAt = 0, failing } of schedulers) {
    if (tooLong(Math.max(startedAt, nextDueAt, firedAt)))
      reasons.push(`scheduler: shard ${shard} has handed over nothing, and a message was due at ${iso(nextDueAt)}`)
    if (failing !== undefined && tooLong(failing.since))
      reasons.push(`scheduler: shard ${shard} fails since ${iso(failing.since)}: ${failing.code}`)
  }
  const { oldestUploadAt, failingSince } = server
  if (oldestUploadAt !== undefined && tooLong(oldestUploadAt))
    reasons.push(`server: an upload is in hand since ${iso(oldestUploadAt)}`)
  if (failingSince !== undefined && tooLong(failingSince))
    reasons.push(`server: no upload could be stored since ${iso(failingSince)}`)
  return { ok: reasons.length === 0, reasons }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
