import { type Command, Option } from 'commander'
import type { Act } from './act.ts'
import { channelNames, wholeNumber } from './parse.ts'

export interface ShapeOptions {
  by?: 'peer' | 'channel' | 'priority'
  channel?: string[]
  first: string
  columns: number
}

const HELP = `
How many messages wait, and for how long: a line for each peer (outbox) and for each channel (outbox and inbox), a column
for each age. A heap on the left is traffic; a heap on the right is what nobody takes. Each column is twice as old as the
one before. In the outbox age is counted from when a message was sent, in the inbox from when it came; what is handed out
and not finished waits too. With --by priority there is a line for each priority of each channel. Reads the files: no daemon is needed.

Examples:
  $ dropr shape
  $ dropr shape --by peer
  $ dropr shape --by priority --channel orders
  $ dropr shape --by channel --channel orders --first 1m --columns 6
  $ dropr shape --json | jq 'select(.total > 1000)'`

/** `dropr shape`: what waits, by age. */
export function addShape(program: Command, act: Act): void {
  program
    .command('shape')
    .description('count what waits by age, for each peer and each channel')
    .addOption(new Option('--by <what>', 'only this table').choices(['peer', 'channel', 'priority']))
    .option('--channel <name>', 'only this channel, may be repeated', channelNames)
    .option('--first <duration>', 'the first column', '5s')
    .option('--columns <count>', 'so many, and one for what is older', wholeNumber({ min: 1, max: 30 }), 10)
    .addHelpText('after', HELP)
    .action(act<ShapeOptions>(async call => (await import('./run-shape.ts')).runShape(call)))
}
