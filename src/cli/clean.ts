import type { Command } from 'commander'
import type { Act } from './act.ts'
import { duration } from './filter.ts'
import { channelNames, peerNames } from './parse.ts'

export interface CleanFlags {
  channel?: string[]
  peer?: string[]
  olderThan?: number
  sent?: boolean
  processed?: boolean
  dryRun?: boolean
}

const HELP = `
Removes what is past its retention (retentionMs, retentionBytes, deadRetentionMs, deadRetentionBytes) from the inbox and the dead
letters, which the server does by itself once a minute. Whole segments go, never the one that is written to, nothing that waits and
nothing outside the spool. What is left over from crashes is for doctor --repair. The exit code is 1 when there was nothing.

With --older-than: whatever is finished and older than that, messages that were sent and have arrived (by when they were sent) and
messages that were acknowledged here (by when they came). They are not listed, not replayed and not counted any more, from then on;
their bytes go with their segment, at once where nothing else is in it. It prints how many, by channel. Dead letters are for dead rm.

Examples:
  $ dropr clean --dry-run
  $ dropr clean --channel orders
  $ dropr clean --older-than 1d --sent --peer tokyo
  $ dropr clean --older-than 2h --processed --channel orders`

/** `dropr clean`. */
export function addClean(program: Command, act: Act): void {
  program
    .command('clean')
    .description('remove what is finished and past its retention, or older than you say')
    .option('--channel <name>', 'only this channel, may be repeated', channelNames)
    .option('--older-than <duration>', 'whatever is finished and older, whatever its retention', duration)
    .option('--peer <name>', 'with --older-than: only sent to, or come from, this node, may be repeated', peerNames)
    .option('--sent', 'with --older-than: only what was sent')
    .option('--processed', 'with --older-than: only what was acknowledged here')
    .option('--dry-run', 'remove nothing, say what would go')
    .addHelpText('after', HELP)
    .action(act<CleanFlags>(async call => (await import('./run-clean.ts')).runClean(call)))
}
