import type { Command } from 'commander'
import type { Act } from './act.ts'

const SHOW = `
Finds a message by its id wherever it lies on this node: outbox, inbox, dead letters, schedule. Reads the files, takes
nothing. When it is nowhere the exit code is 1.

Examples:
  $ dropr show order-17
  $ dropr show order-17 --json`

const EXPLAIN = `
Says where a message is on this node, why it is not further, and when the next try is. When it is nowhere the exit
code is 1: it was never here, or was done and removed (retentionMs). What another node made of it: \`dropr status <id>\`.

Examples:
  $ dropr explain order-17
  $ dropr send orders hi --to tokyo --id order-17 && dropr explain order-17`

/** `dropr show` and `dropr explain`: one message. */
export function addShow(program: Command, act: Act): void {
  program
    .command('show')
    .description('print all of one message, wherever it lies')
    .argument('<id>', 'of the message')
    .addHelpText('after', SHOW)
    .action(act(async call => (await import('./run-show.ts')).runShow(call)))
  program
    .command('explain')
    .description('say where one message is, why, and when the next try is')
    .argument('<id>', 'of the message')
    .addHelpText('after', EXPLAIN)
    .action(act(async call => (await import('./run-show.ts')).runExplain(call)))
}
