import type { Cleaned, CleanOptions } from '../queue/queue-clean.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import type { CleanFlags } from './clean.ts'
import { columns } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'
import { UsageError } from './usage-error.ts'

/** In the words of who looks at them. */
const WORDS = { outbox: 'sent', inbox: 'processed' } as const

export async function runClean(call: Call<CleanFlags>): Promise<number> {
  const { options, out } = call
  const { channel, peer, olderThan, sent, processed, dryRun = false } = options
  if (olderThan === undefined && (peer !== undefined || sent || processed))
    throw new UsageError('--peer, --sent and --processed need --older-than')
  const cleaned = await cleanWith(call, {
    dryRun,
    ...(channel !== undefined && { channel }),
    ...(peer !== undefined && { peer }),
    ...(olderThan !== undefined && { olderThan }),
    ...(sent !== processed && { room: sent ? 'outbox' : 'inbox' })
  })
  const { segments, blobs, bytes, messages = 0, channels = [] } = cleaned
  if (out.json) await out.value({ ...cleaned, dryRun })
  else {
    const rows = channels.map(each => [WORDS[each.room], each.channel, String(each.messages)])
    if (rows.length > 0) await out.line(columns([['ROOM', 'CHANNEL', 'MESSAGES'], ...rows]))
    const count = olderThan === undefined ? '' : `${messages} messages, `
    const files = `${segments} segments${blobs > 0 ? `, ${blobs} large bodies` : ''}`
    out.note(`${count}${files}, ${bytes} bytes ${dryRun ? 'would be removed' : 'removed'}`)
  }
  // Where messages are meant, a file of marks that went is nothing.
  return (olderThan === undefined ? segments + blobs : messages) > 0 ? EXIT.done : EXIT.nothing
}

/** Cleans a spool that is there. */
export async function cleanWith(call: Call<object>, options: CleanOptions): Promise<Cleaned> {
  await spoolThere(nodeSystem(), call.spool)
  const queue = await openCallQueue(call)
  try {
    return await queue.clean(options)
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error
  } finally {
    await queue.close()
  }
}
