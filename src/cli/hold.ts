import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument } from './parse.ts'

export interface HoldFlags {
  channel?: string
}

const HELP = `
A message that is held is not handed out, also after a restart; one that a consumer has is held once it comes back. Those
of the same key wait behind it. The exit code is 1 where no message of that id waits here.

Examples:
  $ dropr hold order-17
  $ dropr unhold order-17 --channel orders      less to read`

/** `dropr hold` and `dropr unhold`: one message. */
export function addHold(program: Command, act: Act): void {
  for (const [name, description] of [
    ['hold', 'keep one message of the inbox from being handed out'],
    ['unhold', 'let a message that is held go on, in its place']
  ] as const)
    program
      .command(name)
      .description(description)
      .argument('<id>', 'of the message')
      .option('--channel <name>', 'look only there', channelArgument)
      .addHelpText('after', HELP)
      .action(act<HoldFlags>(async call => (await import('./run-hold.ts')).runHold(call, name)))
}
