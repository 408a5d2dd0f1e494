import type { ChannelInbox } from './channel-inbox.ts'

/** Of channels whose files somebody removes, or is about to. */
const TURNS = new WeakMap<ChannelInbox, Promise<unknown>>()

/** What removes files of a channel, one after the other, whoever asks. */
export function inTurn<T>(channel: ChannelInbox, act: () => Promise<T>): Promise<T> {
  const before = TURNS.get(channel) ?? Promise.resolve()
  const turn = before.catch(() => undefined).then(act)
  TURNS.set(channel, turn)
  return turn
}
