import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, wholeNumber } from './parse.ts'

/** What the verbs of the dropr of 2008 count: where, in which states, and whether of one channel, of each, or of all. */
export interface AncestorVerb {
  room: 'outbox' | 'inbox'
  states: readonly string[]
  of: 'channel' | 'each' | 'all' | 'names'
}

const QUEUED = ['pending', 'leased']
const DONE = ['done']

/** Its `dropcmd` of the client and of the server, word for word. */
export const ANCESTOR_VERBS: Readonly<Record<string, AncestorVerb>> = {
  count_queue: { room: 'outbox', states: QUEUED, of: 'all' },
  count_sent: { room: 'outbox', states: ['acked'], of: 'all' },
  get_channels: { room: 'inbox', states: QUEUED, of: 'names' },
  count_queued: { room: 'inbox', states: QUEUED, of: 'channel' },
  list_queued: { room: 'inbox', states: QUEUED, of: 'each' },
  sum_queued: { room: 'inbox', states: QUEUED, of: 'all' },
  count_processed: { room: 'inbox', states: DONE, of: 'channel' },
  list_processed: { room: 'inbox', states: DONE, of: 'each' },
  sum_processed: { room: 'inbox', states: DONE, of: 'all' }
}

/** Its verbs that remove what is older than so many minutes. */
export interface AncestorWipe {
  room: 'outbox' | 'inbox'
  of: 'channel' | 'each' | 'all'
}

export const ANCESTOR_WIPES: Readonly<Record<string, AncestorWipe>> = {
  wipe_sent: { room: 'outbox', of: 'all' },
  wipe_processed: { room: 'inbox', of: 'channel' },
  wipe_all_processed: { room: 'inbox', of: 'each' }
}
/** A year, and a leap day. */
const MINUTES = { min: 1, max: 527_040 }

/** `dropr count_queue` and its like, hidden: scripts of before go on. */
export function addAncestor(program: Command, act: Act): void {
  for (const [name, verb] of Object.entries(ANCESTOR_VERBS)) {
    const command = program.command(name, { hidden: true })
    if (verb.of === 'channel') command.argument('<channel>', 'which', channelArgument)
    command.action(act(async call => (await import('./run-ancestor.ts')).runAncestor(call, verb)))
  }
  for (const [name, wipe] of Object.entries(ANCESTOR_WIPES)) {
    const command = program.command(name, { hidden: true })
    if (wipe.of === 'channel') command.argument('<channel>', 'which', channelArgument)
    command.argument('<minutes>', 'older than that', wholeNumber(MINUTES))
    command.showHelpAfterError(true)
    command.action(act(async call => (await import('./run-ancestor.ts')).runAncestorWipe(call, wipe)))
  }
}
