import { type Command, InvalidArgumentError, Option } from 'commander'
import { ROLES, type RoleName } from '../angel/role.ts'
import type { Act } from './act.ts'
import { addDaemonFlags, type DaemonOptions } from './daemon-flags.ts'

export interface UpOptions extends DaemonOptions {
  daemonize?: boolean
  pidfile?: string
  single?: boolean
  roles: RoleName[]
  /** Hidden: this is the process that --daemonize made. */
  daemonized?: boolean
}

const HELP = `
Starts the client daemon (outbox to peers), the server (peers to inbox) and the scheduler (messages for
later), and keeps them running. In the foreground it logs a JSON fact a line to stderr and ends at Ctrl-C or SIGTERM with exit code 0, once the work
in hand is done; with code 75 when something had to be killed. A second Ctrl-C ends it at once.

Everything has a default: no configuration is needed to send and poll on this machine.

Examples:
  $ dropr up                                        in the foreground, for supervisors and containers
  $ dropr up --daemonize --pidfile dropr.pid        returns when the daemons answer
  $ dropr up --node berlin --listen 127.0.0.1:7473 --peer tokyo=http://127.0.0.1:7474
  $ dropr up --spool /var/spool/dropr --config /etc/dropr.json
  $ dropr up --roles client                         only send`

/** `dropr up`: starts the daemons of a spool. */
export function addUp(program: Command, act: Act): void {
  addDaemonFlags(program.command('up').alias('start'))
    .description('start the daemons of this spool')
    .option('--daemonize', 'go to the background, once the daemons answer')
    .option('--pidfile <path>', 'keep the process id there while running')
    .option('--single', 'all in one process; nothing restarts it')
    .option('--roles <list>', `which daemons, of ${ROLES.join(',')}`, roleNames, [...ROLES])
    .addOption(new Option('--daemonized').hideHelp())
    .addHelpText('after', HELP)
    .action(
      act<UpOptions>(async call => {
        if (call.options.daemonize) return (await import('./daemonize.ts')).daemonize(call)
        return (await import('./run-up.ts')).runUp(call)
      })
    )
}

function roleNames(text: string): RoleName[] {
  const names = text.split(',')
  const known = ROLES.filter(role => names.includes(role))
  if (known.length !== names.length || names.length === 0) {
    throw new InvalidArgumentError(`Must be one or more of ${ROLES.join(',')}.`)
  }
  return known
}
