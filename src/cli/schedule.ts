import type { Command } from 'commander'
import type { Act } from './act.ts'
import { shareExamples } from './examples.ts'
import { channelArgument, wholeNumber } from './parse.ts'

export interface ScheduleLsOptions {
  from?: string
  to?: string
  channel?: string
  limit: number
  after?: string
}

export interface ScheduleEditOptions {
  file?: string
}

export interface ScheduleMoveOptions {
  rejectPast?: boolean
}

const TIMES = `Times: 2026-12-24T18:00:00Z, 2014-08-01 13:30 (in the configured zone), 10m, tomorrow 09:00, friday 12:30.`

const HELP = `
What was sent for later waits here until it is due. Needs no daemon. Each change prints what is so now; the exit code is 1
when it came too late, or when nobody here holds that id. Reading ends with 1 when there is nothing.
${TIMES}

Examples:
  $ dropr schedule ls --to tomorrow
  $ dropr schedule ls --channel orders --json
  $ dropr schedule show 019ab3f0-0000-7000-8000-000000000000
  $ dropr schedule move order-4711 'tomorrow 09:00'
  $ dropr schedule edit order-4711 'another body'
  $ dropr schedule cancel order-4711
  $ dropr schedule now order-4711`

const FORECAST_HELP = `
A line for each bucket that holds messages, in the order of time; reads none of them.

Examples:
  $ dropr forecast
  $ dropr forecast --json`

const TICK_HELP = `
Hands over all that is due, once, and ends; for cron, and for where no daemon may run. Safe beside the scheduler. Prints a
line for each message; the exit code is 1 when one failed, which stays held.

Examples:
  $ dropr tick
  $ dropr tick --json`

/** `dropr schedule …`: messages for later. */
export function addSchedule(program: Command, act: Act): void {
  const schedule = program
    .command('schedule')
    .description('look at messages for later, and change them')
    .addHelpText('after', HELP)
  schedule
    .command('ls')
    .description('a line for each, in the order in which they go')
    .option('--from <when>', 'due from then on')
    .option('--to <when>', 'due before then')
    .option('--channel <name>', 'only this channel', channelArgument)
    .option('--limit <count>', 'up to so many', wholeNumber({ min: 1, max: 1_000 }), 50)
    .option('--after <place>', 'go on where an earlier list ended')
    .action(act<ScheduleLsOptions>(async call => (await import('./run-schedule.ts')).runScheduleLs(call)))
  schedule
    .command('show')
    .description('all of one, with its body')
    .argument('<id>', 'of the message')
    .action(act(async call => (await import('./run-schedule.ts')).runScheduleShow(call)))
  schedule
    .command('cancel')
    .description('it never goes')
    .argument('<id>', 'of the message')
    .action(act(async call => (await import('./run-schedule.ts')).runScheduleCancel(call)))
  schedule
    .command('move')
    .description('give it another time')
    .argument('<id>', 'of the message')
    .argument('<when>', 'a time, or a duration from now')
    .option('--reject-past', 'refuse a time that has passed; else it goes at once')
    .action(act<ScheduleMoveOptions>(async call => (await import('./run-schedule.ts')).runScheduleMove(call)))
  schedule
    .command('edit')
    .description('give it another body')
    .argument('<id>', 'of the message')
    .argument('[body]', 'the body as text; - or nothing: standard input')
    .option('--file <path>', 'read this file instead of standard input')
    .action(act<ScheduleEditOptions>(async call => (await import('./run-schedule.ts')).runScheduleEdit(call)))
  schedule
    .command('now')
    .description('hand it over at once')
    .argument('<id>', 'of the message')
    .action(act(async call => (await import('./run-schedule.ts')).runScheduleNow(call)))
  shareExamples(schedule, HELP)
}

/** `dropr forecast`. */
export function addForecast(program: Command, act: Act): void {
  program
    .command('forecast')
    .description('count the messages for later, bucket by bucket')
    .addHelpText('after', FORECAST_HELP)
    .action(act(async call => (await import('./run-schedule.ts')).runForecast(call)))
}

/** `dropr tick`. */
export function addTick(program: Command, act: Act): void {
  program
    .command('tick')
    .description('hand over what is due, once')
    .addHelpText('after', TICK_HELP)
    .action(act(async call => (await import('./run-schedule.ts')).runTick(call)))
}
