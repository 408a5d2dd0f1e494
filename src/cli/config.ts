import type { Command } from 'commander'
import { LIMITS, type LimitRow } from '../limits.ts'
import type { Act } from './act.ts'
import { columns } from './columns.ts'
import { addDaemonFlags, type DaemonOptions } from './daemon-flags.ts'
import { shareExamples } from './examples.ts'

const HELP = `
From the weakest source to the strongest: defaults, /etc/dropr/dropr.json, <spool>/dropr.json, ./dropr.json (or the file
that --config names), DROPR_* in the environment, flags. Running daemons read it again at SIGHUP.

Examples:
  $ dropr config show                          every setting, its value, and where it came from
  $ dropr config show --json | grep leaseMs
  $ dropr config check /etc/dropr/dropr.json   exit code 2 names the file, the line and the key
  $ dropr config check && kill -HUP "$(cat dropr.pid)"`

/** `dropr config show` and `dropr config check`. */
export function addConfig(program: Command, act: Act): void {
  const config = program
    .command('config')
    .description('show the settings and where they come from, or check them')
    .addHelpText('after', () => `${HELP}\n\nLimits (--limit name=number) and their defaults:\n${limitList()}`)
  addDaemonFlags(config.command('show').description('print every setting, its value, and where it came from')).action(
    act<DaemonOptions>(async call => (await import('./run-config.ts')).runConfigShow(call))
  )
  config
    .command('check')
    .argument('[file]', 'check this file in place of ./dropr.json')
    .description('say whether the settings are good; exit code 2 when they are not')
    .action(act(async call => (await import('./run-config.ts')).runConfigCheck(call)))
  shareExamples(config, HELP)
}

/** `messageBytesMax  1048576  Larger bodies …` */
function limitList(): string {
  const rows = Object.entries<LimitRow>(LIMITS).map(([name, row]) => [`  ${name}`, String(row.default), row.why])
  return columns(rows)
}
