import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { ConfigFlags } from '../spool/config.ts'
import { nodeName, pair, peerPair } from './parse.ts'

/** What `up` and the daemons it starts are told alike. */
export interface DaemonOptions {
  node?: string
  listen?: string
  host?: string[]
  peer?: Map<string, string>
  accept?: Map<string, string>
  limit?: Map<string, string>
  channelLimit?: Map<string, string>
  compat?: string[]
  logFile?: string
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export function addDaemonFlags(command: Command): Command {
  return command
    .option('--node <name>', 'the name of this node (default: the one the spool has, else a random one)', nodeName)
    .option('--listen <host:port>', 'where peers reach this node; beyond 127.0.0.1 only with --accept', address)
    .option('--host <name>', 'a name by which peers may call this node, may be repeated', hostNames)
    .option('--peer <name=url>', 'a node to send to, may be repeated', peerPair)
    .option('--accept <name=sha256>', 'a node to receive from, by the SHA-256 of its token, may be repeated', digest)
    .option('--limit <name=number>', 'a limit, may be repeated; dropr help config lists them with their defaults', pair)
    .option('--channel-limit <channel.name=number>', 'the same for one channel, may be repeated', pair)
    .option('--compat <name>', 'answer the calls of another program too: psched', compatNames)
    .option('--log-file <path>', 'append the log to this file instead of stderr')
    .addOption(new Option('--log-level <level>', 'what is logged').choices([...LEVELS]).default('info'))
}

/** The same flags again, for another process. */
export function daemonArgs(options: DaemonOptions): string[] {
  const { node, listen, host = [], compat = [], peer, accept, limit, channelLimit, logFile, logLevel } = options
  const args = ['--log-level', logLevel]
  for (const [flag, value] of Object.entries({ node, listen, 'log-file': logFile })) {
    if (value !== undefined) args.push(`--${flag}=${value}`)
  }
  for (const name of host) args.push(`--host=${name}`)
  for (const name of compat) args.push(`--compat=${name}`)
  for (const [flag, pairs] of Object.entries({ peer, accept, limit, 'channel-limit': channelLimit })) {
    for (const [name, value] of pairs ?? []) args.push(`--${flag}=${name}=${value}`)
  }
  return args
}

/** `7473`, `127.0.0.1:7473`, `[::1]:7473`, `localhost:0`. */
function address(text: string): string {
  if (/^(?:(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):)?\d{1,5}$/.test(text)) return text
  throw new InvalidArgumentError('Must be host:port, for instance 127.0.0.1:7473.')
}

function hostNames(text: string, before: string[] = []): string[] {
  return [...before, text]
}

function compatNames(text: string, before: string[] = []): string[] {
  if (text !== 'psched') throw new InvalidArgumentError('Must be psched.')
  return [...before, text]
}

function digest(text: string, before?: Map<string, string>): Map<string, string> {
  const pairs = peerPair(text, before)
  if (!/=[0-9a-fA-F]{64}$/.test(text)) {
    throw new InvalidArgumentError('Must be name=sha256, as `dropr token` prints it: 64 hexadecimal digits.')
  }
  return pairs
}

/** What the flags say, as configuration. */
export function flagsOf(options: Partial<DaemonOptions>): ConfigFlags {
  const { node, listen, host, peer, accept, limit, channelLimit, compat } = options
  return { node, listen, hosts: host, peers: peer, accept, limits: limit, channels: channelLimit, compat }
}
