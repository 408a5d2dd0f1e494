import type { Stored } from '../message.ts'
import { parseSafeJson } from '../wire/safe-json.ts'
import { JSON_DEPTH_MAX } from './json.ts'
import type { Kept } from './kept-tail.ts'
import type { DeliveryState, DeliveryStatus } from './status.ts'

const STATE_OF: Readonly<Record<string, DeliveryState>> = {
  done: 'processed',
  dead: 'dead',
  expired: 'expired',
  // A dead letter that an operator gave another try.
  again: 'delivered'
}

/** What an outcome says, as it came from a node that may be of another version, or worse. */
interface Told {
  id?: unknown
  channel?: unknown
  how?: unknown
  at?: unknown
  result?: unknown
  reason?: unknown
}

/** Which message an outcome is about; undefined for what is none. */
export function outcomeKey(stored: Stored): string | undefined {
  const { id } = toldIn(stored)
  return typeof id === 'string' ? id : undefined
}

/** What the nodes that had a message say became of it, on top of what is known here. A node speaks of its own copy only. */
export function withOutcomes(known: readonly DeliveryStatus[], outcomes: readonly Kept[]): DeliveryStatus[] {
  const deliveries = [...known]
  const told = outcomes.map(({ stored, node }) => ({ stored, node, at: Number(toldIn(stored).at) || 0 }))
  for (const { stored, node: peer } of told.sort((a, b) => a.at - b.at)) {
    const { channel, how, at, result, reason } = toldIn(stored)
    const state = typeof how === 'string' && Object.hasOwn(STATE_OF, how) ? STATE_OF[how] : undefined
    if (state === undefined || typeof channel !== 'string' || typeof at !== 'number') continue
    const status: DeliveryStatus = { peer, channel, state, delivered: true, at }
    if (result !== undefined) status.result = result
    if (typeof reason === 'string') status.reason = reason
    const i = deliveries.findIndex(one => one.peer === peer && one.channel === channel)
    if (i !== -1) {
      // What was dead may have been given another try since; of two words the later counts.
      const before = deliveries[i]!
      if (before.state === 'processed' || (before.state === state && before.at > at)) continue
      if (how === 'again' && (before.state !== 'dead' || before.at > at)) continue
      deliveries[i] = status
    } else if (known.length === 0) deliveries.push(status)
  }
  return deliveries
}

function toldIn({ body }: Stored): Told {
  try {
    const told: unknown = parseSafeJson(body.toString(), JSON_DEPTH_MAX + 1)
    return typeof told === 'object' && told !== null ? told : {}
  } catch {
    return {}
  }
}
