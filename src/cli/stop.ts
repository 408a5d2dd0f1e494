import type { Command } from 'commander'
import type { Act } from './act.ts'

export interface StopOptions {
  within: string
}

const HELP = `
Returns when the daemons have really gone: what was in hand is finished first. Exit code 0 also when
none ran; 69 when they are still there after --within.

Examples:
  $ dropr stop
  $ dropr stop --within 1m --spool /var/spool/dropr`

/** `dropr stop`: ends the daemons of a spool. */
export function addStop(program: Command, act: Act): void {
  program
    .command('stop')
    .description('stop the daemons of this spool')
    .option('--within <duration>', 'wait at most so long', '30s')
    .addHelpText('after', HELP)
    .action(act<StopOptions>(async call => (await import('./run-stop.ts')).runStop(call)))
}
