import type { Command } from 'commander'
import type { Act } from './act.ts'
import { channelArgument, nodeName, pair, priority } from './parse.ts'

export interface RequestOptions {
  timeout: string
  file?: string
  id?: string
  priority?: number
  header?: Map<string, string>
  ttl?: string
}

const HELP = `
Sends a message and prints the body of the reply to it: whoever takes it there answers with message.reply(), or over HTTP. Both
ways are durable messages: when the time is over the exit code is 75, the request goes on, and the same command with
the same --id waits for its reply again. A request that was given up there ends with the reason.

Examples:
  $ dropr request tokyo sums '[1,2,3]'
  $ dropr request tokyo sums '[1,2,3]' --timeout 5m --id sum-17
  $ dropr request tokyo thumbnails --file photo.jpg --header width=200 > small.jpg`

/** `dropr request`: a message and the reply to it. */
export function addRequest(program: Command, act: Act): void {
  program
    .command('request')
    .description('send a message, wait for the reply to it, print that')
    .argument('<to>', 'the node to ask', nodeName)
    .argument('<channel>', 'where its consumers look', channelArgument)
    .argument('[body]', 'the body as text; - or nothing: standard input')
    .option('--timeout <duration>', 'how long to wait for the reply: 30s, 5m', '30s')
    .option('--file <path>', 'read this file instead of standard input')
    .option('--id <id>', 'your own id: asking again within 7 days gives the same reply')
    .option('--priority <0-9>', 'higher ones are handed out first (default: 4)', priority)
    .option('--header <name=value>', 'may be repeated', pair)
    .option('--ttl <duration>', 'not delivered after so long: 30s, 5m, 2h, 1d')
    .addHelpText('after', HELP)
    .action(act<RequestOptions>(async call => (await import('./run-request.ts')).runRequest(call)))
}
