import { type Command, InvalidArgumentError } from 'commander'
import { durationMs } from '../duration.ts'
import type { FilterOptions } from '../queue/filter-options.ts'
import type { Shell } from './act.ts'
import { inputError } from './body-input.ts'
import { LineSplitter } from './lines.ts'
import { channelNames, pair, peerNames, wholeNumber } from './parse.ts'
import { UsageError } from './usage-error.ts'

/** The flags that say which messages are meant: the same in every command that takes them. */
export interface FilterFlags {
  channel?: string[]
  peer?: string[]
  state?: string[]
  olderThan?: number
  newerThan?: number
  match?: string
  header?: Map<string, string>
  limit?: number
}

/** The flags of what changes messages. */
export interface MoveFlags extends FilterFlags {
  all?: boolean
  dryRun?: boolean
  rate?: number
}

export const FILTER_HELP = `
Which messages: all flags that are given must hold. --peer is the node on the other side: whom a message is for, or whom it came
from. --match looks for a text in the id and the body; with * or ? in it, the whole id or body must fit. Ids may be given as
arguments, or with - on standard input, one a line.`

/** What a call may name at once; more ids are taken in several rounds. */
const IDS_AT_ONCE = 10_000
const ID_LINE_BYTES_MAX = 1_024

export function addFilterFlags(command: Command): Command {
  return command
    .option('--channel <name>', 'only this channel, may be repeated', channelNames)
    .option('--peer <name>', 'only for or from this node, may be repeated', peerNames)
    .option('--state <word>', 'only in this state, may be repeated', words)
    .option('--older-than <duration>', 'only what is there for longer', duration)
    .option('--newer-than <duration>', 'only what is there for less', duration)
    .option('--match <text>', 'only what holds this text; * and ? stand for others')
    .option('--header <name=value>', 'only with this header, may be repeated', pair)
    .option('--limit <count>', 'the first so many', wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER }))
}

export function addMoveFlags(command: Command): Command {
  return addFilterFlags(command.argument('[ids...]', 'of messages; - reads them from standard input'))
    .option('--all', 'needed where neither ids nor a filter is given')
    .option('--dry-run', 'change nothing, say what would happen')
}

export function addRateFlag(command: Command): Command {
  return command.option('--rate <count/s>', 'so many a second at most', ratePerSecond)
}

/** As the library takes it. */
export function filterOf({ olderThan, newerThan, match, header, limit, ...flags }: FilterFlags): FilterOptions {
  const { channel, peer, state } = flags
  return {
    ...(channel !== undefined && { channel }),
    ...(peer !== undefined && { peer }),
    ...(state !== undefined && { state }),
    ...(olderThan !== undefined && { olderThan }),
    ...(newerThan !== undefined && { newerThan }),
    ...(match !== undefined && { match }),
    ...(header !== undefined && { headers: Object.fromEntries(header) }),
    ...(limit !== undefined && { limit })
  }
}

/** The ids that were given, in portions; one empty portion where none were: then the filter says all. */
export async function* idsGiven(
  shell: Shell,
  args: readonly (string | string[] | undefined)[]
): AsyncGenerator<string[] | undefined> {
  const given = args.flat().filter(id => id !== undefined)
  if (given.length === 0) {
    yield undefined
    return
  }
  if (given.includes('-') && given.length > 1) throw new UsageError('give ids or -, not both')
  const portion: string[] = []
  for await (const id of given[0] === '-' ? stdinIds(shell) : given) {
    portion.push(id)
    if (portion.length === IDS_AT_ONCE) yield portion.splice(0)
  }
  if (portion.length > 0) yield portion
}

async function* stdinIds(shell: Shell): AsyncGenerator<string> {
  const splitter = new LineSplitter(ID_LINE_BYTES_MAX)
  const ids = (lines: Buffer[]) => lines.map(line => line.toString().trim()).filter(id => id !== '')
  try {
    for await (const chunk of shell.stdin) yield* ids(splitter.push(chunk as Buffer))
    yield* ids(splitter.end())
  } catch (error) {
    throw inputError(error, 'standard input')
  }
}

function words(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(',')]
}

export function duration(text: string): number {
  try {
    return durationMs(text, 'a duration')
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

function ratePerSecond(text: string): number {
  const [, count] = /^(\d{1,7})(?:\/s)?$/.exec(text) ?? []
  if (count === undefined || Number(count) < 1) throw new InvalidArgumentError('Must be a number a second, like 100/s.')
  return Number(count)
}
