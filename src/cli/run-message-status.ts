import type { DeliveryStatus } from '../queue/status.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { columns, humanMs, printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { openCallQueue } from './open-queue.ts'

/** `dropr status <id>`: how far one message has come, also where nothing of it lies here any more. */
export async function runMessageStatus(call: Call<object>): Promise<number> {
  const { args, out } = call
  const queue = await openCallQueue(call)
  try {
    const status = await queue.status(args[0]!)
    if (out.json) await out.value(status)
    else if (status.deliveries.length > 0) await out.line(table(status.deliveries))
    else out.note(`dropr: nothing is known of ${printable(args[0]!)} here: ${status.state}`)
    return status.state === 'unknown' ? EXIT.nothing : EXIT.done
  } finally {
    await queue.close()
  }
}

function table(deliveries: readonly DeliveryStatus[]): string {
  const now = nodeSystem().clock.now()
  const rows = deliveries.map(({ peer, channel, state, at, dueAt, result, reason }) => [
    peer,
    printable(channel),
    state,
    dueAt === undefined ? `${humanMs(Math.max(0, now - at))} ago` : `due in ${humanMs(Math.max(0, dueAt - now))}`,
    printable(reason ?? (result === undefined ? '' : JSON.stringify(result)))
  ])
  return columns([['PEER', 'CHANNEL', 'STATE', 'SINCE', 'RESULT OR REASON'], ...rows])
}
