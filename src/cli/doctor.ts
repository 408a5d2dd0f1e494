import type { Command } from 'commander'
import type { Act } from './act.ts'

const HELP = `
Looks at everything in the spool and around it: stray files, damaged places, leftovers, the disk it lies on, free space,
the clock, the configuration. Says of each what it is and what to do. It reads only; daemons may be running.
Exit code 0 when there is nothing to do (notes may be printed), 1 when there is a warning or an error.

Examples:
  $ dropr doctor
  $ dropr doctor --json | jq 'select(.level == "error")'`

/** `dropr doctor`: what is wrong with a spool, and what helps. */
export function addDoctor(program: Command, act: Act): void {
  program
    .command('doctor')
    .description('explain every stray or damaged file of the spool, and what is wrong around it')
    .addHelpText('after', HELP)
    .action(act(async call => (await import('./run-doctor.ts')).runDoctor(call)))
}
