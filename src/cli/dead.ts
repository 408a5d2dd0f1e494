import type { Command } from 'commander'
import type { Act } from './act.ts'
import { shareExamples } from './examples.ts'
import { addFilterFlags, addMoveFlags, addRateFlag, FILTER_HELP, type FilterFlags, type MoveFlags } from './filter.ts'
import { channelNames } from './parse.ts'

export interface DeadShowOptions {
  channel?: string[]
}

const HELP = `
A dead letter is a message that a peer refused for good, or that consumers here could not take. \`ls\` and \`show\` read the files
of the spool, and change nothing; no daemon is needed. \`redrive\` puts letters back to where they were going, as first attempts,
\`rm\` throws them away: both are done by the process that owns the inbox, or by this one where none does. What became of a letter
stays to be seen: --state moved, --state dropped. The exit code is 1 when there was nothing to show or to move.

Examples:
  $ dropr dead ls
  $ dropr dead ls --channel orders --older-than 1h --json
  $ dropr dead show 019ab3f0-0000-7000-8000-000000000000
  $ dropr dead redrive 019ab3f0-0000-7000-8000-000000000000
  $ dropr dead redrive --peer tokyo --rate 100/s
  $ dropr dead rm --older-than 7d --dry-run`

const REDRIVE_HELP = `${FILTER_HELP}

What expired meanwhile, or cannot be read, is left as it is. Done twice, or after a crash, each message is there once.

Examples:
  $ dropr dead redrive --all --rate 100/s
  $ dropr dead redrive --channel orders --match 'timeout' --dry-run
  $ dropr dead ls --json | jq -r .id | dropr dead redrive -`

const RM_HELP = `${FILTER_HELP}

Examples:
  $ dropr dead rm order-4711
  $ dropr dead rm --header source=test --dry-run`

/** `dropr dead …`: the messages that were given up, why, and what is to become of them. */
export function addDead(program: Command, act: Act): void {
  const dead = program
    .command('dead')
    .description('look at the messages that were given up, and move them')
    .addHelpText('after', HELP)
  addFilterFlags(dead.command('ls').description('a line for each, with the reason'))
    .addHelpText('after', FILTER_HELP)
    .action(act<FilterFlags>(async call => (await import('./run-dead.ts')).runDeadLs(call)))
  dead
    .command('show')
    .description('all of one: body, reason, and the error of every attempt')
    .argument('<id>', 'of the message')
    .option('--channel <name>', 'only in this channel, may be repeated', channelNames)
    .action(act<DeadShowOptions>(async call => (await import('./run-dead.ts')).runDeadShow(call)))
  addRateFlag(addMoveFlags(dead.command('redrive').description('put them back to where they were going')))
    .addHelpText('after', REDRIVE_HELP)
    .action(act<MoveFlags>(async call => (await import('./run-dead.ts')).runDeadRedrive(call)))
  addMoveFlags(dead.command('rm').description('throw them away'))
    .addHelpText('after', RM_HELP)
    .action(act<MoveFlags>(async call => (await import('./run-dead.ts')).runDeadRm(call)))
  shareExamples(dead, HELP, ['ls', 'show'])
}
