import type { ChannelPolicy, Limits } from '../limits.ts'

/** What was said of channels, by name. */
export type ChannelsGiven = Map<string, Partial<ChannelPolicy>>

/** What holds for a channel: what was said of it, else the limits. Both may change while a daemon runs: ask anew each time. */
export function policyOf(
  channel: string,
  { limits, channels }: { limits: Limits; channels: ReadonlyMap<string, Partial<ChannelPolicy>> }
): ChannelPolicy {
  const own = channels.get(channel)
  return own === undefined ? limits : { ...limits, ...own }
}

/** A weaker source's channels with a stronger one's on top: number by number. */
export function joinChannels(into: ChannelsGiven, from: ChannelsGiven): ChannelsGiven {
  for (const [name, policy] of from) into.set(name, { ...into.get(name), ...policy })
  return into
}

/** `orders/eu.leasedMax` = `5`, as flags and the environment say it, in the shape of a file. */
export function channelsFromPairs(pairs: Iterable<readonly [name: string, value: string]>): object {
  const channels: Record<string, Record<string, string>> = Object.create(null)
  for (const [name, value] of pairs) {
    const at = name.lastIndexOf('.')
    if (at < 1) throw new TypeError(`channels must be channel.limit=number, got ${JSON.stringify(name)}`)
    const channel = name.slice(0, at)
    channels[channel] = { ...channels[channel], [name.slice(at + 1)]: value }
  }
  return channels
}
