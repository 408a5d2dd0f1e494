import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, wholeNumber } from './parse.ts'

export interface WorkOptions {
  concurrency: number
  max?: number
  wait?: string
  releaseAfter: string
  lease?: string
  result?: boolean
}

const HELP = `
Runs the command once for each message: the body on its standard input, what else is known of the message in variables
DROPR_ID, DROPR_CHANNEL, DROPR_PRIORITY, DROPR_FROM, DROPR_SENT_AT, DROPR_RECEIVED_AT, DROPR_ATTEMPT, DROPR_DELIVERIES,
DROPR_KIND, DROPR_HEADERS (JSON), and DROPR_H_<NAME> for each header. No shell is in between: for one, name it. What the
command prints is printed; with --result it is kept with the message, as its result.

Exit code 0 acknowledges the message, 75 gives it back for --release-after, any other is a failed attempt: again after the
usual growing wait, dead after attemptsMax; the end of what it wrote to stderr is the reason. The lease is renewed as long
as the command runs. SIGTERM and Ctrl-C are passed on, and what then ends with another code than 0 is given back; after
graceMs, or at a second one, it is killed.

Examples:
  $ dropr work orders -- ./handle-order
  $ dropr work mail --concurrency 4 -- sh -c 'sendmail -t && echo "$DROPR_ID" >> sent'
  $ dropr work logs --max 10 -- sh -c 'cat >> out'
  $ dropr work orders --wait 0s -- ./handle-order            what is there now, then end`

/** `dropr work`: a command for each message. */
export function addWork(program: Command, act: Act): void {
  program
    .command('work')
    .description('run a command for each message of a channel')
    .argument('<channel>', 'where the messages are', channelArgument)
    .argument('<command...>', 'behind --: the program and its arguments')
    .option('--concurrency <count>', 'so many at a time', wholeNumber({ min: 1, max: 1_000 }), 1)
    .option('--max <count>', 'end after so many messages', wholeNumber({ min: 1, max: 1_000_000_000 }))
    .option('--wait <duration>', 'end when nothing comes for so long (default: wait for ever)')
    .option('--release-after <duration>', 'after exit code 75, not before', '1s')
    .option('--lease <duration>', 'lease and renew for so long (default: leaseMs)')
    .option('--result', 'keep the standard output, up to 4,000 bytes of it, as the result of the message')
    .addHelpText('after', HELP)
    .action(act<WorkOptions>(async call => (await import('./run-work.ts')).runWork(call)))
}
