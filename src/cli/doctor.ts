import type { Command } from 'commander'
import type { Act } from './act.ts'

export interface DoctorOptions {
  repair?: boolean
  dryRun?: boolean
}

const HELP = `
Looks at everything in the spool and around it: stray files, damaged places, leftovers, the disk it lies on, free space,
the clock, the configuration. Says of each what it is and what to do. It reads only; daemons may be running.

--repair does what is safe while they run, and says so before it does it: rights of others are taken away (folders 0700,
files 0600), and files that a process had begun to write when it ended are removed. Messages and files that dropr did not
make are never touched. With --dry-run it says what it would do. Exit code 0 when nothing is left to do (notes may be
printed), 1 when a warning or an error is left.

Examples:
  $ dropr doctor
  $ dropr doctor --repair --dry-run
  $ dropr doctor --repair
  $ dropr doctor --json | jq 'select(.level == "error")'`

/** `dropr doctor`: what is wrong with a spool, and what helps. */
export function addDoctor(program: Command, act: Act): void {
  program
    .command('doctor')
    .description('explain every stray or damaged file of the spool, and what is wrong around it')
    .option('--repair', 'do what is safe about it')
    .option('--dry-run', 'with --repair: only say what would be done')
    .addHelpText('after', HELP)
    .action(act<DoctorOptions>(async call => (await import('./run-doctor.ts')).runDoctor(call)))
}
