import type { Command } from 'commander'
import type { Act } from './act.ts'
import { shareExamples } from './examples.ts'
import { channelArgument } from './parse.ts'

const HELP = `
A paused channel takes what is sent, and hands out nothing until it is resumed: not by any process, nor after a restart.
What consumers hold already they finish.
rm removes a channel of this node in which nothing is left to do: what is finished there, and the pause. It refuses while something waits,
is held or leased, is unsent, or is among the dead letters, and says what. A later message makes the channel again; how far its senders
are is remembered, so that nothing comes twice. What was sent and has arrived is wiped; its files go with the next cleaning of who sends.

Examples:
  $ dropr channel ls
  $ dropr channel pause orders && mend-the-consumers && dropr channel resume orders
  $ dropr channel rm orders --dry-run`

export interface ChannelRmFlags {
  dryRun?: boolean
}

/** `dropr channel`: the channels of the inbox. */
export function addChannel(program: Command, act: Act): void {
  const channel = program
    .command('channel')
    .description('list the channels of the inbox, pause, resume and remove them')
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
  channel
    .command('rm')
    .description('remove a channel in which nothing is left to do')
    .argument('<channel>', 'its name', channelArgument)
    .option('--dry-run', 'remove nothing, say what would go')
    .action(act<ChannelRmFlags>(async call => (await import('./run-channel.ts')).runChannelRm(call)))
  shareExamples(channel, HELP)
}
