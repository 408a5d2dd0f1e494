import type { Command } from 'commander'
import type { Act } from './act.ts'

export interface TopOptions {
  interval: string
  once?: boolean
}

const HELP = `
Shows, over and over, what goes out to each peer and through each channel a second, what waits, and for how long; the
busiest first; and which \`dropr work\` works on what for how long. At a terminal it takes the whole screen: q ends it, space looks at once, s sorts by what waits instead.
Elsewhere, and with --once, it looks twice, --interval apart, and prints that. Asks the daemons; without them the exit code
is 3.

Examples:
  $ dropr top
  $ dropr top --interval 500ms
  $ dropr top --once --interval 10s --json`

/** `dropr top`: live. */
export function addTop(program: Command, act: Act): void {
  program
    .command('top')
    .description('watch peers and channels: rates, what waits, for how long')
    .option('--interval <duration>', 'look so often: 2s, 1m, 500ms', '2s')
    .option('--once', 'print one table and end')
    .addHelpText('after', HELP)
    .action(act<TopOptions>(async call => (await import('./run-top.ts')).runTop(call)))
}
