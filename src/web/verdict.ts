import type { JsonValue } from '../message.ts'
import type { Message } from '../queue/message.ts'
import { checkOptions, type Duration } from '../queue/options.ts'
import type { Holds } from './holds.ts'
import type { VERDICTS } from './schemas.ts'

export type VerdictName = (typeof VERDICTS)[number]

/** What may be said with each. */
const TAKES: Readonly<Record<VerdictName, ReadonlySet<string>>> = {
  ack: new Set(['result']),
  retry: new Set(['after', 'reason']),
  release: new Set(['after']),
  reject: new Set(['reason'])
}

export interface SaidWithVerdict {
  after?: Duration
  reason?: string
  result?: JsonValue
}

/**
 * Gives a verdict. Resolves when it is synced; told twice, it is answered twice.
 *
 * @throws DroprError LEASE_LOST, DISK_*, OWNER_UNREACHABLE; TypeError for what that verdict does not take.
 */
export async function giveVerdict(
  holds: Holds,
  on: { lease: string; position: number; verdict: VerdictName },
  said: SaidWithVerdict
): Promise<void> {
  checkOptions(said, TAKES[on.verdict], on.verdict)
  const hold = holds.find(on.lease)
  const message = hold.messages[on.position]
  if (message === undefined) throw new TypeError(`position must be from 0 to ${hold.messages.length - 1}`)
  await tell(message, on.verdict, said)
  holds.settled(hold, on.position)
}

function tell(message: Message, verdict: VerdictName, said: SaidWithVerdict): Promise<void> {
  if (verdict === 'ack') return message.ack(said.result)
  if (verdict === 'retry') return message.retry(said)
  if (verdict === 'release') return message.release(said)
  return message.reject(said.reason!)
}
