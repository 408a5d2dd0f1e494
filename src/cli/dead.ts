import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelNames } from './parse.ts'

export interface DeadOptions {
  channel?: string[]
}

const HELP = `
Reads the files of the spool, and changes nothing; no daemon is needed. The messages stay where they are.
\`ls\` and \`show\` end with exit code 1 when there is nothing to show.

Examples:
  $ dropr dead ls
  $ dropr dead ls --channel orders --json
  $ dropr dead show 019ab3f0-0000-7000-8000-000000000000`

/** `dropr dead ls` and `dropr dead show`: the messages that were given up, and why. */
export function addDead(program: Command, act: Act): void {
  const dead = program.command('dead').description('look at the messages that were given up').addHelpText('after', HELP)
  dead
    .command('ls')
    .description('a line for each, with the reason')
    .option('--channel <name>', 'only this channel, may be repeated', channelNames)
    .action(act<DeadOptions>(async call => (await import('./run-dead.ts')).runDeadLs(call)))
  dead
    .command('show')
    .description('all of one: body, reason, and the error of every attempt')
    .argument('<id>', 'of the message')
    .option('--channel <name>', 'only in this channel, may be repeated', channelNames)
    .action(act<DeadOptions>(async call => (await import('./run-dead.ts')).runDeadShow(call)))
}
