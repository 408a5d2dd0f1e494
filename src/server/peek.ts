import type { ChannelInbox } from './channel-inbox.ts'
import type { ClaimRun, PeekRequest } from './inbox-port.ts'
import { bytesOf, placesOf } from './pieces.ts'

/** What would be handed out next, in that order, and stays where it is: no lease, no mark, no delivery counted. */
export async function peekChannel(channel: ChannelInbox, request: PeekRequest): Promise<ClaimRun[]> {
  const runs: ClaimRun[] = []
  let left = request.max
  let bytesLeft = request.bytesMax
  for (const { block, from, to: end, deliveries, attempts, held } of channel.state.shelves.ready.first(request.max)) {
    if (left <= 0 || bytesLeft <= 0) break
    if (held) continue
    let to = Math.min(end, from + left)
    const bytes = bytesOf(block, from, to)
    // Meanwhile somebody may take them: what is shown is what was there when it was asked for.
    if (block.segment === undefined || bytes === undefined || bytes > bytesLeft) await channel.load(block)
    if (block.segment === undefined) continue
    while (to > from + 1 && (bytesOf(block, from, to) ?? 0) > bytesLeft) to--
    const { stream, path } = block
    const { priority, node, origin, id } = stream
    for (const place of placesOf(block, from, to) ?? []) {
      const { at, bytes: placeBytes, receivedAt } = place
      const where = {
        channel: channel.name,
        priority,
        node,
        origin,
        stream: id,
        from: place.from,
        path,
        at,
        receivedAt
      }
      runs.push({ ...where, count: place.to - place.from, bytes: placeBytes, deliveries, attempts })
      left -= place.to - place.from
      bytesLeft -= placeBytes
    }
  }
  return runs
}
