import type { Command } from 'commander'
import type { Act } from './act.ts'

const HELP = `
Exit code 0 when daemons work on the spool, 3 when none do. With the id of a message that was sent from here: where it is,
for each node it was sent to, and with send --receipt what its consumer there made of it; 1 when nothing is known of it.

Examples:
  $ dropr status
  $ dropr status --json
  $ dropr status order-17                how far a message has come, and what was made of it
  $ dropr status > /dev/null || dropr up --daemonize`

/** `dropr status`: who works on a spool, and how it goes. */
export function addStatus(program: Command, act: Act): void {
  program
    .command('status')
    .description('show the daemons, peers and channels of this spool, or how far one message has come')
    .argument('[id]', 'of a message')
    .addHelpText('after', HELP)
    .action(
      act(async call => {
        if (call.args[0] === undefined) return (await import('./run-status.ts')).runStatus(call)
        return (await import('./run-message-status.ts')).runMessageStatus(call)
      })
    )
}
