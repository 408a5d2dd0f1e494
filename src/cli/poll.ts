import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, wholeNumber } from './parse.ts'

export interface PollOptions {
  wait?: string
  max: number
  lines?: boolean
  peek?: boolean
}

const HELP = `
Prints the body, byte for byte, and acknowledges the message after that. When nothing is there the
exit code is 1. A message whose body could not be printed is given back.

Examples:
  $ dropr poll orders
  $ dropr poll orders --wait 30s > order.json
  $ dropr poll logs --max 1000 --lines
  $ dropr poll orders --peek --json                 look, and leave it there
  $ while dropr poll orders --wait 1h > o.json; do ./work o.json; done`

/** `dropr poll`: takes messages and prints them. */
export function addPoll(program: Command, act: Act): void {
  program
    .command('poll')
    .description('take messages from a channel and print them')
    .argument('<channel>', 'where to look', channelArgument)
    .option('--wait <duration>', 'wait so long for the first one: 10s, 5m (default: do not wait)')
    .option('--max <count>', 'take up to so many', wholeNumber({ min: 1, max: 1_000_000_000 }), 1)
    .option('--lines', 'print a newline after each body')
    .option('--peek', 'print them and give them back')
    .addHelpText('after', HELP)
    .action(act<PollOptions>(async call => (await import('./run-poll.ts')).runPoll(call)))
}
