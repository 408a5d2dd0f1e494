import { Argument, type Command } from 'commander'
import { ROLES } from '../angel/role.ts'
import type { Act } from './act.ts'
import { addDaemonFlags, type DaemonOptions } from './daemon-flags.ts'

/** `dropr role <name>`: one daemon, as the angel starts it. Hidden: without an angel it refuses. */
export function addRole(program: Command, act: Act): void {
  addDaemonFlags(program.command('role', { hidden: true }))
    .addArgument(new Argument('<name>', 'which').choices(ROLES))
    .action(act<DaemonOptions>(async call => (await import('./run-role.ts')).runRole(call)))
}
