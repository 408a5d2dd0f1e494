import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelNames } from './parse.ts'

export interface LsOptions {
  channel?: string[]
  entries?: boolean
}

const HELP = `
Reads the files of the spool, and changes nothing; no daemon is needed. Without --entries it prints one
line for each stream, with how many of its messages are in which state; with --entries one for each message.

Examples:
  $ dropr ls
  $ dropr ls --channel orders --entries --json`

/** `dropr ls`: what lies in a spool, as its files say. */
export function addLs(program: Command, act: Act): void {
  program
    .command('ls')
    .description('list the streams and messages of the spool, and their states')
    .option('--channel <name>', 'only this channel, may be repeated', channelNames)
    .option('--entries', 'a line for each message')
    .addHelpText('after', HELP)
    .action(act<LsOptions>(async call => (await import('./run-ls.ts')).runLs(call)))
}
