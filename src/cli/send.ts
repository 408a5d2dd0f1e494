import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, pair, peerNames, priority } from './parse.ts'

export interface SendOptions {
  to?: string[]
  lines?: boolean
  file?: string
  id?: string
  key?: string
  priority?: number
  header?: Map<string, string>
  ttl?: string
  at?: string
  delay?: string
  rejectPast?: boolean
  receipt?: boolean
  buffered?: boolean
  quiet?: boolean
}

const HELP = `
Prints the id of each message once it is on the disk, a line each. Needs no daemon: what is for other
nodes, or for later, leaves when one runs. With --lines many are on their way to the disk at once, in order; each line
is a message without its newline.

Examples:
  $ dropr send orders 'one message'
  $ echo hi | dropr send orders                     the newline is part of the body
  $ dropr send orders --file order.pdf --to tokyo
  $ dropr send images --file big.iso --to tokyo     up to 10 GiB, in constant memory
  $ tail -f app.log | dropr send logs --lines --to tokyo --quiet
  $ dropr send orders --id order-4711 --header kind=new --priority 7 --ttl 2h '{"total":12}'
  $ dropr send reminders --at 'tomorrow 09:00' 'call Anna'
  $ dropr send numbers -- -5                        a body that begins with a dash`

/** `dropr send`: puts messages on the local disk. */
export function addSend(program: Command, act: Act): void {
  program
    .command('send')
    .description('send messages: the body, a file, or standard input')
    .argument('<channel>', 'where consumers look for it', channelArgument)
    .argument('[body]', 'the body as text; - or nothing: standard input')
    .option('--to <peer>', 'the node it is for, may be repeated (default: this one)', peerNames)
    .option('--lines', 'each line is a message')
    .option('--file <path>', 'read this file instead of standard input')
    .option('--id <id>', 'your own id: sending it again within 7 days does not double it')
    .option('--key <key>', 'messages of one key are handed out one at a time, in order')
    .option('--priority <0-9>', 'higher ones are handed out first (default: 4)', priority)
    .option('--header <name=value>', 'may be repeated', pair)
    .option('--ttl <duration>', 'not delivered after so long: 30s, 5m, 2h, 1d')
    .option('--at <when>', 'not handed over before: 2026-12-24T18:00:00Z, 2014-08-01 13:30, tomorrow 09:00, 10m')
    .option('--delay <duration>', 'the same, from now: 30s, 5m, 2h, 1d')
    .option('--reject-past', 'refuse a time that has passed; else the message goes at once')
    .option('--receipt', 'let the node it goes to tell what its consumer made of it: `dropr explain <id>`')
    .option('--buffered', 'do not wait for the disk: fast, and lost in a power cut')
    .option('--quiet', 'print no ids')
    .addHelpText('after', HELP)
    .action(act<SendOptions>(async call => (await import('./run-send.ts')).runSend(call)))
}
