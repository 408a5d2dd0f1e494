import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, wholeNumber } from './parse.ts'

export interface PeekOptions {
  max: number
  lines?: boolean
}

const HELP = `
Prints what the next polls would give and leaves it as it is: no lease, no delivery counted. Messages that somebody
holds, or that wait for their next try, are not among them. When nothing is there the exit code is 1.

Examples:
  $ dropr peek orders
  $ dropr peek orders --max 20 --lines
  $ dropr peek orders --max 20 --json`

/** `dropr peek`: looks at what waits. */
export function addPeek(program: Command, act: Act): void {
  program
    .command('peek')
    .description('print what the next polls would give, and leave it there')
    .argument('<channel>', 'where to look', channelArgument)
    .option('--max <count>', 'up to so many', wholeNumber({ min: 1, max: 10_000 }), 1)
    .option('--lines', 'print a newline after each body')
    .addHelpText('after', HELP)
    .action(act<PeekOptions>(async call => (await import('./run-peek.ts')).runPeek(call)))
}
