import type { Command } from 'commander'
import type { Act } from './act.ts'
import { addMoveFlags, addRateFlag, FILTER_HELP, type MoveFlags } from './filter.ts'

export interface PurgeFlags extends MoveFlags {
  leased?: boolean
}

const PURGE_HELP = `
Destroys messages that wait in the inbox, or, with --peer, in the outbox for that peer. They are never delivered, and are in no dead letters: there is no way back. What somebody
holds is left and counted, unless --leased is given; then the verdict on it is refused. What is on its way to a peer may arrive.
${FILTER_HELP} States: pending, delayed, leased.

Examples:
  $ dropr purge --channel orders --dry-run
  $ dropr purge --channel orders --older-than 7d
  $ dropr purge --match 'test-*'
  $ dropr purge --peer tokyo --older-than 1d
  $ dropr purge --all`

const REPLAY_HELP = `
Lets messages that were acknowledged, and are still kept (retentionMs), come again: copies under the same id, as the last of their
channel, with the header dropr-replayed-at. What expired meanwhile is left.
${FILTER_HELP}

Examples:
  $ dropr replay order-4711
  $ dropr replay --channel orders --newer-than 2h --rate 50/s
  $ dropr replay --channel orders --match failed --dry-run`

/** `dropr purge` and `dropr replay`: messages of the inbox destroyed, or given again. */
export function addPurge(program: Command, act: Act): void {
  addMoveFlags(program.command('purge').description('destroy messages that wait'))
    .option('--leased', 'also what somebody holds')
    .addHelpText('after', PURGE_HELP)
    .action(act<PurgeFlags>(async call => (await import('./run-purge.ts')).runPurge(call)))
  addRateFlag(addMoveFlags(program.command('replay').description('let acknowledged messages come again')))
    .addHelpText('after', REPLAY_HELP)
    .action(act<MoveFlags>(async call => (await import('./run-purge.ts')).runReplay(call)))
}
