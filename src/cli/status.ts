import type { Command } from 'commander'
import type { Act } from './act.ts'

const HELP = `
Exit code 0 when daemons work on the spool, 3 when none do.

Examples:
  $ dropr status
  $ dropr status --json
  $ dropr status > /dev/null || dropr up --daemonize`

/** `dropr status`: who works on a spool, and how it goes. */
export function addStatus(program: Command, act: Act): void {
  program
    .command('status')
    .description('show the daemons, peers and channels of this spool')
    .addHelpText('after', HELP)
    .action(act(async call => (await import('./run-status.ts')).runStatus(call)))
}
