import { PRIORITY } from '../message.ts'
import { decodeChannel } from '../names.ts'
import type { Where } from './lookout.ts'

/** Where something may be to send. Less is said when less is known. */
export interface Hint {
  peer: string
  where: Where | undefined
}

/** What is asked of a client over its socket: one JSON object a line. Undefined for what it does not understand. */
export type Ask =
  | { op: 'poke'; hint: Hint }
  /** Answered with `{"kick":[…]}`, the peers that are tried now. */
  | { op: 'kick'; peer: string | undefined }
  /** Answered with `{"status":…}` and `{"metrics":[…]}`. */
  | { op: 'status' }
  | { op: 'metrics' }
  /** Who is paused may have changed: answered with `{"paused":[…]}` once it is so. */
  | { op: 'paused' }

export function parseAsk(line: string): Ask | undefined {
  let asked: unknown
  try {
    asked = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof asked !== 'object' || asked === null) return undefined
  const { op, peer, channel, priority, path, end } = asked as Record<string, unknown>
  if (op === 'status' || op === 'metrics' || op === 'paused') return { op }
  if (op === 'kick') return { op, peer: typeof peer === 'string' ? peer : undefined }
  if (op !== 'poke' || typeof peer !== 'string') return undefined
  return { op, hint: { peer, where: whereOf(channel, priority, path, end) } }
}

/** @param path What changed, at or below `outbox`: `<outbox>/<peer>/<channel>/<priority>/<file>`. */
export function hintOfPath(outbox: string, path: string): Hint | undefined {
  if (!path.startsWith(`${outbox}/`)) return undefined
  const [peer, folder, priority, file] = path.slice(outbox.length + 1).split('/')
  if (peer === undefined || peer === '') return undefined
  const channel = folder === undefined ? undefined : decodeChannel(folder)
  const number = priority !== undefined && /^\d$/.test(priority) ? Number(priority) : undefined
  return { peer, where: whereOf(channel, number, file === undefined ? undefined : path) }
}

function whereOf(channel: unknown, priority: unknown, path: unknown, end?: unknown): Where | undefined {
  if (typeof channel !== 'string' || typeof priority !== 'number' || !Number.isInteger(priority)) return undefined
  if (priority < PRIORITY.min || priority > PRIORITY.max) return undefined
  if (typeof path !== 'string') return { channel, priority }
  return { channel, priority, path, ...(Number.isSafeInteger(end) && { end: end as number }) }
}
