import { durationMs } from '../duration.ts'
import { CHANNEL_LIMITS, LIMITS, type LimitName, type Limits, limitsFrom } from '../limits.ts'
import { checkChannel, checkPeer, nearest } from '../names.ts'
import type { ChannelsGiven } from './channel-policy.ts'
import { type ChannelRights, parseRights } from './channel-rights.ts'
import { parseLevels, parseShards, parseZone, type ScheduleConfig } from './schedule-config.ts'

/** Where a server listens. */
export interface Address {
  host: string
  /** 0 lets the system choose. */
  port: number
}

/** A peer as configuration names it, its token not yet read. */
export interface PeerPart {
  url: string
  token?: string
  /** As written; relative to the folder of the file that names it. */
  tokenFile?: string
}

/** What one source of configuration says. Only what it says is there. */
export interface ConfigPart {
  node?: string
  listen?: Address
  hosts?: string[]
  peers: Map<string, PeerPart>
  accept: Map<string, string>
  limits: Partial<Record<LimitName, number>>
  /** Of those in `accept` that may not send to every channel. */
  rights: Map<string, ChannelRights>
  channels: ChannelsGiven
  schedule: ScheduleConfig
  compat: Compat
}

/** Calls of other programs that this node answers as they did. Off unless said. */
export interface Compat {
  /** The scheduled messages of psched: scheduleMessage.php and what belongs to it. */
  psched?: boolean
}

const KEYS = ['node', 'listen', 'hosts', 'peers', 'accept', 'limits', 'channels', 'schedule', 'compat'] as const
const SCHEDULE_KEYS = ['levels', 'shards', 'zone'] as const
const COMPAT_KEYS = ['psched'] as const
const ACCEPT_KEYS = ['token', 'channels'] as const
const PEER_KEYS = ['url', 'token', 'tokenFile'] as const
const TOKEN = /^[\x21-\x7e]{16,512}$/

/** Checks one source of configuration. Throws a TypeError that names the key; never shows a token. */
export function parseConfig(given: unknown): ConfigPart {
  const config = objectOf(given, 'the configuration')
  refuseUnknown(config, KEYS, '')
  const part: ConfigPart = {
    peers: new Map(),
    accept: new Map(),
    limits: {},
    rights: new Map(),
    channels: new Map(),
    schedule: {},
    compat: {}
  }
  const { node, listen, hosts, peers, accept, limits, channels, schedule, compat } = Object.fromEntries(config)
  if (node !== undefined) part.node = checkPeer(node, 'node')
  if (listen !== undefined) part.listen = parseListen(listen)
  if (hosts !== undefined) part.hosts = parseHosts(hosts)
  for (const [name, peer] of objectOf(peers ?? {}, 'peers'))
    part.peers.set(checkPeer(name, 'a name in peers'), parsePeer(peer, `peers.${name}`))
  for (const [name, given] of objectOf(accept ?? {}, 'accept'))
    parseAccept(part, checkPeer(name, 'a name in accept'), given)
  for (const [name, value] of objectOf(limits ?? {}, 'limits'))
    part.limits = { ...part.limits, ...parseLimit(name, value) }
  for (const [name, policy] of objectOf(channels ?? {}, 'channels'))
    part.channels.set(checkChannel(name), parsePolicy(policy, `channels.${name}`))
  part.schedule = parseSchedule(schedule ?? {})
  part.compat = parseCompat(compat ?? {})
  return part
}

/** The settings that a source says, each by its key. */
export function partKeys(part: ConfigPart): string[] {
  const { peers, accept, rights, limits, channels, schedule, compat, ...single } = part
  return [
    ...Object.keys(single),
    ...[...peers.keys()].map(name => `peers.${name}`),
    ...[...accept.keys()].map(name => `accept.${name}`),
    ...[...rights.keys()].map(name => `accept.${name}.channels`),
    ...Object.keys(limits).map(name => `limits.${name}`),
    ...[...channels].flatMap(([name, policy]) => Object.keys(policy).map(limit => `channels.${name}.${limit}`)),
    ...Object.keys(schedule).map(name => `schedule.${name}`),
    ...Object.keys(compat).map(name => `compat.${name}`)
  ]
}

/** `7473`, `127.0.0.1:7473`, `[::1]:7473`, `localhost:0`. */
export function parseListen(given: unknown): Address {
  const text = typeof given === 'number' ? String(given) : given
  const parts = typeof text === 'string' ? /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):)?(\d{1,5})$/.exec(text) : null
  const port = Number(parts?.[3])
  if (parts === null || port > 65_535) throw new TypeError(`listen must be host:port, got ${JSON.stringify(given)}`)
  return { host: parts[1] ?? parts[2] ?? '127.0.0.1', port }
}

function parseSchedule(given: unknown): ScheduleConfig {
  const schedule = objectOf(given, 'schedule')
  refuseUnknown(schedule, SCHEDULE_KEYS, 'schedule.')
  const { levels, shards, zone } = Object.fromEntries(schedule)
  return {
    ...(levels === undefined ? {} : { levels: parseLevels(objectOf(levels, 'schedule.levels')) }),
    ...(shards === undefined ? {} : { shards: parseShards(shards) }),
    ...(zone === undefined ? {} : { zone: parseZone(zone) })
  }
}

/** `{ "psched": true }`. */
function parseCompat(given: unknown): Compat {
  const compat = objectOf(given, 'compat')
  refuseUnknown(compat, COMPAT_KEYS, 'compat.')
  const { psched } = Object.fromEntries(compat)
  if (psched === undefined) return {}
  if (typeof psched !== 'boolean') throw new TypeError(`compat.psched must be true or false, got ${typeof psched}`)
  return { psched }
}

/** Names by which a Host header may call this node, without port. */
function parseHosts(given: unknown): string[] {
  const isHost = (host: unknown) =>
    typeof host === 'string' && /^[a-zA-Z0-9._-]{1,253}$|^(?=.*:.*:)[0-9a-fA-F:.]{2,45}$/.test(host)
  if (Array.isArray(given) && given.every(isHost)) return given as string[]
  throw new TypeError(`hosts must be a list of names without port, got ${JSON.stringify(given)?.slice(0, 200)}`)
}

export function checkToken(token: unknown, name: string): string {
  if (typeof token === 'string' && TOKEN.test(token)) return token
  throw new TypeError(`${name} must be 16 to 512 visible ASCII characters`)
}

/** A limit by its name. Texts are taken for numbers, and for times also '10s', '5m', '2h', '1d'. */
export function parseLimit(name: string, value: unknown, where = 'limits'): Partial<Limits> {
  if (typeof value !== 'string') {
    checkLimit(name, value, where)
    return { [name]: value as number }
  }
  const isTime = Object.hasOwn(LIMITS, name) && /Ms(?:Min|Max)?$/.test(name)
  const number = /^\d{1,15}$/.test(value) ? Number(value) : isTime ? durationMs(value, `${where}.${name}`) : value
  checkLimit(name, number, where)
  return { [name]: number as number }
}

function checkLimit(name: string, value: unknown, where: string): void {
  const near = Object.hasOwn(LIMITS, name) ? undefined : nearest(name, Object.keys(LIMITS))
  if (near !== undefined) throw new TypeError(`${where}.${name} is not a limit: did you mean ${near}?`)
  limitsFrom({ [name]: value }, where)
}

/** Some limits, for one channel. */
function parsePolicy(given: unknown, name: string): Partial<Limits> {
  const policy = objectOf(given, name)
  refuseUnknown(policy, CHANNEL_LIMITS, `${name}.`)
  return Object.assign({}, ...[...policy].map(([limit, value]) => parseLimit(limit, value, name)))
}

function parsePeer(given: unknown, name: string): PeerPart {
  if (typeof given === 'string') return { url: parseUrl(given, name) }
  const peer = objectOf(given, name)
  refuseUnknown(peer, PEER_KEYS, `${name}.`)
  const { url, token, tokenFile } = Object.fromEntries(peer)
  const part: PeerPart = { url: parseUrl(url, `${name}.url`) }
  if (token !== undefined && tokenFile !== undefined) throw new TypeError(`${name} has both token and tokenFile`)
  if (token !== undefined) part.token = checkToken(token, `${name}.token`)
  if (tokenFile === undefined) return part
  if (typeof tokenFile !== 'string' || tokenFile === '' || tokenFile.includes('\0'))
    throw new TypeError(`${name}.tokenFile must be a path`)
  return { ...part, tokenFile }
}

/** http or https, nothing secret inside (SEC-11). Comes back without a slash at its end. */
function parseUrl(given: unknown, name: string): string {
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new TypeError(`${name} must be an http:// or https:// URL`)
  if (url.username !== '' || url.password !== '')
    throw new TypeError(`${name} must hold no user or password: use token or tokenFile`)
  if (url.search !== '' || url.hash !== '') throw new TypeError(`${name} must hold no ? and no #`)
  return url.href.replace(/\/+$/, '')
}

/** `"<SHA-256>"`, or `{ "token": "<SHA-256>", "channels": ["orders/*"] }`. */
function parseAccept(part: ConfigPart, name: string, given: unknown): void {
  if (typeof given === 'string') {
    part.accept.set(name, parseDigest(given, `accept.${name}`))
    return
  }
  const accept = objectOf(given, `accept.${name}`)
  refuseUnknown(accept, ACCEPT_KEYS, `accept.${name}.`)
  part.accept.set(name, parseDigest(accept.get('token'), `accept.${name}.token`))
  const channels = accept.get('channels')
  if (channels !== undefined) part.rights.set(name, parseRights(channels, `accept.${name}.channels`))
}

function parseDigest(given: unknown, name: string): string {
  if (typeof given === 'string' && /^[0-9a-fA-F]{64}$/.test(given)) return given.toLowerCase()
  throw new TypeError(`${name} must be a SHA-256, 64 hex digits`)
}

function objectOf(given: unknown, name: string): Map<string, unknown> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return new Map(Object.entries(given))
  throw new TypeError(`${name} must be an object`)
}

function refuseUnknown(given: ReadonlyMap<string, unknown>, known: readonly string[], prefix: string): void {
  for (const key of given.keys()) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const meant = near === undefined ? '' : ` did you mean ${near}?`
    throw new TypeError(`${prefix}${key} is no setting:${meant} there are ${known.join(', ')}`)
  }
}
