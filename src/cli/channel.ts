import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument } from './parse.ts'

const HELP = `
A paused channel takes what is sent, and hands out nothing until it is resumed: not by any process, nor after a restart.
What consumers hold already they finish.

Examples:
  $ dropr channel ls
  $ dropr channel pause orders && mend-the-consumers && dropr channel resume orders`

/** `dropr channel`: the channels of the inbox. */
export function addChannel(program: Command, act: Act): void {
  const channel = program
    .command('channel')
    .description('list the channels of the inbox, pause and resume them')
    .addHelpText('after', HELP)
  channel
    .command('ls')
    .description('list them, with how many messages are in which state')
    .action(act(async call => (await import('./run-channel.ts')).runChannelLs(call)))
  channel
    .command('pause')
    .description('hand out nothing of a channel until it is resumed')
    .argument('<channel>', 'its name', channelArgument)
    .action(act(async call => (await import('./run-channel.ts')).runChannelPause(call)))
  channel
    .command('resume')
    .description('hand out messages of a paused channel again')
    .argument('<channel>', 'its name', channelArgument)
    .action(act(async call => (await import('./run-channel.ts')).runChannelResume(call)))
}
