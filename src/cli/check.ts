import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelNames, wholeNumber } from './parse.ts'

export interface CheckOptions {
  maxAge?: string
  maxDepth?: number
  criticalAge?: string
  criticalDepth?: number
  maxDead?: number
  channel?: string[]
}

const COUNT = wholeNumber({ min: 0, max: 1_000_000_000_000 })

const HELP = `
For cron and monitoring. Silent and 0 when well; else a line for each channel with what waits and how many seconds it
is behind: exit code 1 (warning) over a --max, 2 (critical) over a --critical, as Nagios has them. Messages that are
handed out and not finished wait too. Without any of the flags the oldest may be as old as backlogMsMax says.
It reads the files: no daemon is needed. Messages for later count by how long they are overdue, without --channel; and a
wall clock that cannot be right is a warning.

Examples:
  $ dropr check --max-age 60s --max-depth 100
  $ dropr check --max-age 1m --critical-age 10m --max-dead 0
  $ dropr check --channel orders --max-age 60 || mail -s 'orders are late' ops`

/** `dropr check`: an alarm when messages wait too long, or too many do. */
export function addCheck(program: Command, act: Act): void {
  program
    .command('check')
    .description('say nothing when well, and what waits too long or in too great a number when not')
    .option('--max-age <duration>', 'warn when something waits longer: 60s, 5m; a number is seconds')
    .option('--max-depth <count>', 'warn when more wait, per peer and channel', COUNT)
    .option('--critical-age <duration>', 'critical when something waits longer')
    .option('--critical-depth <count>', 'critical when more wait', COUNT)
    .option('--max-dead <count>', 'warn when a channel has more dead letters', COUNT)
    .option('--channel <name>', 'only this channel, may be repeated', channelNames)
    .addHelpText('after', HELP)
    .action(act<CheckOptions>(async call => (await import('./run-check.ts')).runCheck(call)))
}
