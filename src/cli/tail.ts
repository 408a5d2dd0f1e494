import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, wholeNumber } from './parse.ts'

export interface TailOptions {
  all?: boolean
  max?: number
}

const HELP = `
Prints each message that arrives in the inbox, a line each, and takes none of them: consumers get them all the same.
It reads the files as they grow and ends at Ctrl-C. What is sent to this node itself arrives when a server works here
(\`dropr up\`), or somebody polls.

Examples:
  $ dropr tail orders
  $ dropr tail orders --json | jq .body
  $ dropr tail orders --all --max 100              begin with what lies there already`

/** `dropr tail`: what arrives, as it arrives. */
export function addTail(program: Command, act: Act): void {
  program
    .command('tail')
    .description('print messages as they arrive, without taking them')
    .argument('<channel>', 'where to look', channelArgument)
    .option('--all', 'first those that lie there already, finished ones too')
    .option('--max <count>', 'end after so many', wholeNumber({ min: 1, max: 1_000_000_000 }))
    .addHelpText('after', HELP)
    .action(act<TailOptions>(async call => (await import('./run-tail.ts')).runTail(call)))
}
