import { humanMs } from './columns.ts'
import type { EntryRow } from './ls-rows.ts'

/** What is known beside the row. */
export interface Surroundings {
  node: string
  /** Those that are configured. */
  peers: ReadonlyMap<string, unknown>
  /** Those that a person paused, and since when, wall ms. */
  paused: ReadonlyMap<string, number>
  /** Whether daemons work on the spool, and what the client says of its peers. */
  running: boolean
  says: readonly Record<string, unknown>[]
  now: number
}

export interface Explanation {
  text: string
  /** Wall ms, when it is known. */
  nextTryAt?: number | undefined
}

/** Where a message is, why it is not further, and when the next try is, for a person. */
export function explainRow(row: EntryRow, around: Surroundings): Explanation {
  if (row.room === 'outbox') return explainOutbox(row, around)
  if (row.room === 'dead') {
    const code = row.code === undefined ? '' : ` (${row.code})`
    return { text: `dead letters of ${row.channel}: given up${code}: ${row.reason ?? 'why is not known'}` }
  }
  return explainInbox(row, around.now)
}

/** What is for later. */
export function explainScheduled(
  { to, channel, dueAt, sentAt }: { to: string; channel: string; dueAt: number; sentAt: number },
  now: number
): string {
  const where = `schedule, channel ${channel}, to ${to}, sent ${ago(sentAt, now)}`
  const due = new Date(dueAt).toISOString()
  if (dueAt > now) return `${where}: due ${due}, in ${humanMs(dueAt - now)}`
  return `${where}: was due ${due}, ${ago(dueAt, now)}: \`dropr up\` hands it over, \`dropr check\` says what keeps it`
}

function explainOutbox(row: EntryRow, around: Surroundings): Explanation {
  const { node, peers, paused, running, says, now } = around
  const peer = row.peer!
  const where = `outbox, channel ${row.channel}, to ${peer === node ? 'this node itself' : peer}, sent ${ago(row.sentAt, now)}`
  if (row.state === 'cancelled') return { text: `${where}: taken out of what is sent, by an operator (purge --peer)` }
  if (row.state === 'acked')
    return { text: peer === node ? `${where}: it is in the inbox` : `${where}: ${peer} has it on its disk` }
  if (row.state === 'expired') return { text: `${where}: its time to live ended ${ago(row.expiresAt!, now)}` }
  if (peer === node)
    return { text: `${where}: waits until a poll here, or the server (\`dropr up\`), takes it to the inbox` }
  const status = says.find(found => found.name === peer)
  if (status === undefined && !peers.has(peer))
    return {
      text: `${where}: ${peer} is not configured: name it in dropr.json, or with \`dropr up --peer ${peer}=url\``
    }
  if (paused.has(peer)) {
    const since = paused.get(peer) === 0 ? '' : ` since ${ago(paused.get(peer)!, now)}`
    return { text: `${where}: ${peer} is paused${since}: \`dropr peer resume ${peer}\` sends it` }
  }
  if (!running) return { text: `${where}: no daemons work on this spool: \`dropr up\` sends it` }
  if (status === undefined)
    return { text: `${where}: the client daemon does not say how ${peer} is: see \`dropr status\`` }
  const nextTryAt = typeof status.nextTryAt === 'number' ? status.nextTryAt : undefined
  const error = status.lastError as { code: string; text: string } | undefined
  const failure = error === undefined ? '' : `; last error ${error.code}: ${error.text}`
  const next = nextTryAt === undefined ? '' : `; next try in ${humanMs(Math.max(0, nextTryAt - now))}`
  return { text: `${where}: ${peer} is ${String(status.state)}${failure}${next}`, nextTryAt }
}

function explainInbox(row: EntryRow, now: number): Explanation {
  const { channel, from, state, deliveries = 0, attempts = 0, reason, leaseUntil, nextTryAt, pausedAt } = row
  const where = `inbox, channel ${channel}, from ${from}, received ${ago(row.receivedAt!, now)}`
  const handed = `handed out ${deliveries === 1 ? 'once' : `${deliveries} times`}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} failed`
  const because = reason === undefined ? '' : `; the last because: ${reason}`
  switch (state) {
    case 'leased': {
      const until = leaseUntil === undefined ? '' : `; the lease ends in ${humanMs(Math.max(0, leaseUntil - now))}`
      return { text: `${where}: a consumer has it (${handed})${until}`, nextTryAt: leaseUntil }
    }
    case 'pending': {
      if (pausedAt !== undefined) {
        const since = `${ago(pausedAt, now)}: \`dropr channel resume\` hands it out again`
        return { text: `${where}: waits (${handed})${because}; its channel was paused ${since}` }
      }
      if (nextTryAt === undefined) return { text: `${where}: waits for a poll (${handed})${because}`, nextTryAt: now }
      return {
        text: `${where}: waits for its next try in ${humanMs(nextTryAt - now)} (${handed})${because}`,
        nextTryAt
      }
    }
    case 'held':
      return { text: `${where}: held back (${handed})${because}: \`dropr unhold\` lets it go on` }
    case 'done':
      return { text: `${where}: done: a consumer acknowledged it (${handed})` }
    case 'dead':
      return { text: `${where}: given up (${handed})${because}` }
    default:
      return { text: `${where}: its time to live ended before anybody had it` }
  }
}

function ago(at: number, now: number): string {
  return `${humanMs(Math.max(0, now - at))} ago`
}
