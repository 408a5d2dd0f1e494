import { checkChannel, checkPeer } from '../names.ts'
import { type Filter, isUnfiltered } from '../spool/filter.ts'
import { checkCount, checkDuration, checkOptions, checkSignal, type Duration, said } from './options.ts'
import { checkId } from './send-options.ts'

/** Which messages are meant. All that is given must hold. */
export interface FilterOptions {
  ids?: readonly string[]
  channel?: string | readonly string[]
  /** The node on the other side: whom it is for, or whom it came from. */
  peer?: string | readonly string[]
  state?: string | readonly string[]
  olderThan?: Duration
  newerThan?: Duration
  /** In the id or the body; with `*` or `?` the whole of it. */
  match?: string
  /** By exact name and value. */
  headers?: Readonly<Record<string, string>>
  /** The first so many. */
  limit?: number
}

/** What of messages that fit is to be done, and how. */
export interface MoveOptions extends FilterOptions {
  /** Needed where no filter is given: all of them. */
  all?: boolean
  /** Changes nothing; tells what would happen. */
  dryRun?: boolean
  /** So many a second at most. */
  rate?: number
  /** `next` of an earlier call that `limit` had ended. */
  after?: string
  /** Ends it early: what is done is done. */
  signal?: AbortSignal
  /** Called after each step with what was done so far. */
  onStep?: (moved: number) => void
}

export const FILTER = [
  'ids',
  'channel',
  'peer',
  'state',
  'olderThan',
  'newerThan',
  'match',
  'headers',
  'limit'
] as const
const MOVE = new Set([...FILTER, 'all', 'dryRun', 'rate', 'after', 'signal', 'onStep'])
const IDS_MAX = 10_000
const LIST_MAX = 1_000
const LIMIT_MAX = Number.MAX_SAFE_INTEGER
const RATE_MAX = 1_000_000
const MATCH_MAX = 1_000

/** @throws TypeError naming what is wrong. */
export function checkFilter(given: FilterOptions): Filter {
  const { ids, channel, peer, state, olderThan, newerThan, match, headers, limit } = given
  if (match !== undefined && (typeof match !== 'string' || match === '' || match.length > MATCH_MAX))
    throw new TypeError(`match must be a text of 1 to ${MATCH_MAX} characters, got ${said(match)}`)
  return {
    ...(ids !== undefined && { ids: listOf(ids, 'ids', IDS_MAX).map(checkId) }),
    ...(channel !== undefined && { channels: listOf(channel, 'channel', LIST_MAX).map(checkChannel) }),
    ...(peer !== undefined && { peers: listOf(peer, 'peer', LIST_MAX).map(name => checkPeer(name)) }),
    ...(state !== undefined && { states: listOf(state, 'state', LIST_MAX).map(checkState) }),
    ...(olderThan !== undefined && { olderThanMs: checkDuration(olderThan, 'olderThan') }),
    ...(newerThan !== undefined && { newerThanMs: checkDuration(newerThan, 'newerThan') }),
    ...(match !== undefined && { match }),
    ...(headers !== undefined && { headers: checkWanted(headers) }),
    ...(limit !== undefined && { limit: checkCount(limit, 'limit', 1, LIMIT_MAX) })
  }
}

export interface Move {
  filter: Filter
  dryRun: boolean
  rate: number | undefined
  after: string | undefined
  signal: AbortSignal | undefined
  onStep: ((moved: number) => void) | undefined
}

/** @throws TypeError naming what is wrong; also when everything would be meant and nobody said so. */
export function checkMoveOptions(given: MoveOptions, what: string): Move {
  checkOptions(given, MOVE, what)
  const { all = false, dryRun = false, rate, after, signal, onStep } = given
  const filter = checkFilter(given)
  if (isUnfiltered(filter) && !all) throw new TypeError(`${what} needs ids, a filter, or all: true`)
  if (after !== undefined && typeof after !== 'string') throw new TypeError(`after must be text, got ${said(after)}`)
  if (onStep !== undefined && typeof onStep !== 'function') throw new TypeError('onStep must be a function')
  return {
    filter,
    dryRun,
    rate: rate === undefined ? undefined : checkCount(rate, 'rate', 1, RATE_MAX),
    after,
    signal: checkSignal(signal),
    onStep
  }
}

function listOf(given: unknown, name: string, max: number): unknown[] {
  const list: unknown[] = Array.isArray(given) ? given : [given]
  if (list.length === 0 || list.length > max)
    throw new TypeError(`${name} must be 1 to ${max} of them, got ${list.length}`)
  return list
}

function checkState(state: unknown): string {
  if (typeof state === 'string' && /^[a-z]{1,20}$/.test(state)) return state
  throw new TypeError(`state must be a word, got ${said(state)}`)
}

function checkWanted(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw new TypeError(`headers must be an object of texts, got ${said(headers)}`)
  for (const value of Object.values(headers))
    if (typeof value !== 'string') throw new TypeError(`a header must be text, got ${said(value)}`)
  return headers as Readonly<Record<string, string>>
}
