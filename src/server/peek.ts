import type { ChannelInbox } from './channel-inbox.ts'
import type { ClaimRun, PeekRequest } from './inbox-port.ts'
import { placeOf } from './pieces.ts'

/** What would be handed out next, in that order, and stays where it is: no lease, no mark, no delivery counted. */
export async function peekChannel(channel: ChannelInbox, request: PeekRequest): Promise<ClaimRun[]> {
  const runs: ClaimRun[] = []
  let left = request.max
  let bytesLeft = request.bytesMax
  for (const { block, from, to: end, deliveries, attempts } of channel.state.next(request.max)) {
    if (left <= 0 || bytesLeft <= 0) break
    let to = Math.min(end, from + left)
    const place = placeOf(block, from, to)
    // Meanwhile somebody may take them: what is shown is what was there when it was asked for.
    if (block.segment === undefined || place === undefined || place.bytes > bytesLeft) await channel.load(block)
    if (block.segment === undefined) continue
    while (to > from + 1 && (placeOf(block, from, to)?.bytes ?? 0) > bytesLeft) to--
    const found = placeOf(block, from, to)
    if (found === undefined) continue
    const { stream, path, at: receivedAt } = block
    const { priority, node, origin, id } = stream
    const where = { channel: channel.name, priority, node, origin, stream: id, from, count: to - from, path }
    runs.push({ ...where, ...found, receivedAt, deliveries, attempts })
    left -= to - from
    bytesLeft -= found.bytes
  }
  return runs
}
