import type { Command } from 'commander'
import type { Act } from './act.ts'
import { addFilterFlags, FILTER_HELP, type FilterFlags } from './filter.ts'

export interface LsOptions extends FilterFlags {
  entries?: boolean
}

const HELP = `
Reads the files of the spool, and changes nothing; no daemon is needed. Without --entries it prints one
line for each stream, with how many of its messages are in which state; with --entries one for each message. Ages count from when a message was sent, came, or was given up.
${FILTER_HELP}

Examples:
  $ dropr ls
  $ dropr ls --channel orders --entries --json
  $ dropr ls --entries --state leased --older-than 5m`

/** `dropr ls`: what lies in a spool, as its files say. */
export function addLs(program: Command, act: Act): void {
  const ls = program
    .command('ls')
    .description('list the streams and messages of the spool, and their states')
    .argument('[ids...]', 'only messages of these ids; - reads them from standard input')
  addFilterFlags(ls)
    .option('--entries', 'a line for each message')
    .addHelpText('after', HELP)
    .action(act<LsOptions>(async call => (await import('./run-ls.ts')).runLs(call)))
}
