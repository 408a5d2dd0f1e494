import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument } from './parse.ts'

export interface CleanFlags {
  channel?: string
  dryRun?: boolean
}

const HELP = `
Removes what is past its retention (retentionMs, retentionBytes, deadRetentionMs, deadRetentionBytes) from the inbox and the dead
letters, which the server does by itself once a minute. Whole segments go, never the one that is written to, nothing that waits and
nothing outside the spool. What is left over from crashes is for doctor --repair. The exit code is 1 when there was nothing.

Examples:
  $ dropr clean --dry-run
  $ dropr clean --channel orders`

/** `dropr clean`. */
export function addClean(program: Command, act: Act): void {
  program
    .command('clean')
    .description('remove what is past its retention, now')
    .option('--channel <name>', 'only this channel', channelArgument)
    .option('--dry-run', 'remove nothing, say what would go')
    .addHelpText('after', HELP)
    .action(act<CleanFlags>(async call => (await import('./run-purge.ts')).runClean(call)))
}
