import type { ConsumerStatus } from '../server/attached.ts'
import { columns, humanMs } from './columns.ts'

/** For people; all are in the JSON form. */
const CONSUMERS_SHOWN_MAX = 50

/** Who consumes; nothing for nobody. */
export function consumerTable(consumers: readonly ConsumerStatus[], now: number): string {
  if (consumers.length === 0) return ''
  const rows = consumers.map(({ pid, program, since, channels, holds }) => [
    String(pid),
    program,
    humanMs(Math.max(0, now - since)),
    channels.join(' '),
    holds.map(({ channel, messages }) => `${messages} of ${channel}`).join(', ') || '-'
  ])
  const most = rows.slice(0, CONSUMERS_SHOWN_MAX)
  const rest = rows.length > most.length ? `\n… ${rows.length - most.length} more` : ''
  return columns([['CONSUMER', 'PROGRAM', 'FOR', 'CHANNELS', 'HOLDS'], ...most]) + rest
}
