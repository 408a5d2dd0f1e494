import { dirname, resolve } from 'node:path'
import { DroprError, diskError, systemCode } from '../errors.ts'
import { type Limits, limitsFrom } from '../limits.ts'
import type { Files } from '../system/files.ts'
import { type ChannelsGiven, channelsFromPairs, joinChannels } from './channel-policy.ts'
import { type AcceptConfig, joinAccept } from './channel-rights.ts'
import { configFromEnv, type Env } from './config-env.ts'
import {
  type Address,
  type Compat,
  type ConfigPart,
  checkToken,
  type PeerPart,
  parseConfig,
  partKeys
} from './config-schema.ts'
import type { ScheduleConfig } from './schedule-config.ts'

const CONFIG_BYTES_MAX = 1_048_576
const TOKEN_BYTES_MAX = 4_096
/** Neither group nor others may read, write or run it. */
const FOR_OTHERS = 0o077

export interface PeerConfig {
  name: string
  /** http or https, without a slash at its end. */
  url: string
  token?: string
}

/** All settings, whole and checked. */
export interface Config extends AcceptConfig {
  node?: string
  listen?: Address
  /** Names by which this node is called, besides its own, loopback's, and that of `listen`. */
  hosts?: string[]
  peers: Map<string, PeerConfig>
  limits: Limits
  /** What some channels have instead of the limits. */
  channels?: ChannelsGiven
  /** What was said of it; `scheduleOf` has the rest. */
  schedule?: ScheduleConfig
  compat?: Compat
}

/** What flags said; texts as they were typed. */
export interface ConfigFlags {
  node?: string | undefined
  listen?: string | undefined
  hosts?: readonly string[] | undefined
  /** Name and URL. */
  peers?: ReadonlyMap<string, string> | undefined
  accept?: ReadonlyMap<string, string> | undefined
  limits?: ReadonlyMap<string, string | number> | undefined
  /** `orders/eu.leasedMax`. */
  channels?: ReadonlyMap<string, string> | undefined
  compat?: readonly string[] | undefined
}

export interface LoadConfigOptions {
  files: Files
  /** The spool's folder; need not exist yet. */
  spool: string
  /** A file that was named: takes the place of `./dropr.json` and must exist. */
  file?: string | undefined
  flags?: ConfigFlags | undefined
  env?: Env | undefined
  cwd: string
  /** The file of the whole machine; default /etc/dropr/dropr.json. */
  systemFile?: string | undefined
}

/** Settings, and by key (`limits.leaseMs`, `peers.tokyo`) the source that each came from; what has its default is not named. */
export interface TracedConfig {
  config: Config
  from: Map<string, string>
}

const SYSTEM_FILE = '/etc/dropr/dropr.json'

/** What one source says; relative paths in it start from `folder`. */
interface Source {
  part: ConfigPart
  name: string
  folder: string
}

/**
 * Settings, from the weakest source to the strongest: defaults, /etc/dropr/dropr.json, `<spool>/dropr.json`, `./dropr.json` or
 * the file named, the environment, flags. A later one replaces a setting, a peer or a limit as a whole.
 *
 * @throws DroprError CONFIG_BAD, naming the source and the key; DISK_*. Nothing is half taken.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  return (await traceConfig(options)).config
}

/** As `loadConfig`, and tells where each setting came from. */
export async function traceConfig(options: LoadConfigOptions): Promise<TracedConfig> {
  const { files, flags = {}, env = {} } = options
  const cwd = resolve(options.cwd)
  const sources = await readFiles(options, cwd)
  const fromEnv = named('the environment', () => configFromEnv(env))
  sources.push(
    sourceOf('the environment', cwd, fromEnv.config),
    sourceOf('the flags', cwd, () => plain(flags))
  )
  const config: Config = { peers: new Map(), accept: new Map(), limits: limitsFrom({}) }
  const from = new Map<string, string>()
  for (const { part, name, folder } of sources) {
    if (part.node !== undefined) config.node = part.node
    if (part.listen !== undefined) config.listen = part.listen
    if (part.hosts !== undefined) config.hosts = part.hosts
    joinAccept(config, part)
    config.limits = { ...config.limits, ...part.limits }
    if (part.channels.size > 0) config.channels = joinChannels(config.channels ?? new Map(), part.channels)
    if (Object.keys(part.schedule).length > 0) config.schedule = { ...config.schedule, ...part.schedule }
    if (Object.keys(part.compat).length > 0) config.compat = { ...config.compat, ...part.compat }
    for (const [peer, given] of part.peers)
      config.peers.set(peer, await peerOf(files, { peer, given, name, folder, before: config.peers.get(peer) }))
    for (const key of partKeys(part)) from.set(key, name)
  }
  for (const [peer, token] of fromEnv.tokens) {
    const known = config.peers.get(peer)
    if (known === undefined) continue
    known.token = named('the environment', () => checkToken(token, `the token of ${peer}`))
    from.set(`peers.${peer}.token`, 'the environment')
  }
  return { config, from }
}

/** Those that are there, the weakest first. */
async function readFiles(options: LoadConfigOptions, cwd: string): Promise<Source[]> {
  const { files, spool, file, systemFile = SYSTEM_FILE } = options
  const places = [resolve(systemFile), resolve(cwd, spool, 'dropr.json'), resolve(cwd, file ?? 'dropr.json')]
  const sources: Source[] = []
  for (const path of new Set(places)) {
    const must = file !== undefined && path === resolve(cwd, file)
    const source = await readSource(files, path, { must, systemFile: resolve(systemFile) })
    if (source !== undefined) sources.push(source)
  }
  return sources
}

async function readSource(
  files: Files,
  path: string,
  { must, systemFile }: { must: boolean; systemFile: string }
): Promise<Source | undefined> {
  let bytes: Buffer
  try {
    bytes = await files.read(path, CONFIG_BYTES_MAX)
  } catch (error) {
    const code = systemCode(error)
    // The file of the whole machine may be for its daemon's user only.
    if (code === 'EACCES' && !must && path === systemFile) return undefined
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw diskError(error, `read ${path}`)
    if (must) throw new DroprError('CONFIG_BAD', `${path} is not there`, error)
    return undefined
  }
  const text = bytes.toString()
  const source = sourceOf(path, dirname(path), () => parseJson(text), text)
  const holdsToken = [...source.part.peers.values()].some(peer => peer.token !== undefined)
  if (holdsToken) await checkSecret(files, path)
  return source
}

function sourceOf(name: string, folder: string, given: object | (() => unknown), text?: string): Source {
  const parse = () => parseConfig(typeof given === 'function' ? given() : given)
  return { name, folder, part: named(name, parse, text) }
}

/** A peer that a stronger source names by URL only keeps the token it had, as long as it is the same place. */
async function peerOf(
  files: Files,
  options: { peer: string; given: PeerPart; name: string; folder: string; before: PeerConfig | undefined }
): Promise<PeerConfig> {
  const { peer, given, name, folder, before } = options
  const config: PeerConfig = { name: peer, url: given.url }
  if (given.tokenFile !== undefined) {
    const path = resolve(folder, given.tokenFile)
    await checkSecret(files, path)
    const bytes = await files.read(path, TOKEN_BYTES_MAX).catch(error => {
      throw diskError(error, `read ${path}`)
    })
    config.token = named(name, () => checkToken(bytes.toString('latin1').trim(), `what ${path} holds`))
  } else if (given.token !== undefined) config.token = given.token
  else if (before?.token !== undefined && before.url === given.url) config.token = before.token
  return config
}

/** A file with a token is for its owner only (SEC-8). */
async function checkSecret(files: Files, path: string): Promise<void> {
  const found = await files.stat(path)
  const uid = process.getuid?.()
  if (found?.kind !== 'file') throw new DroprError('CONFIG_BAD', `${path} holds a token and must be a file`)
  if (uid !== undefined && found.uid !== uid)
    throw new DroprError('CONFIG_BAD', `${path} holds a token and belongs to user ${found.uid}, not ${uid}`)
  if (process.platform !== 'win32' && found.mode & FOR_OTHERS)
    throw new DroprError('CONFIG_BAD', `${path} holds a token and has mode ${found.mode.toString(8)}: chmod 600 it`)
}

function plain(flags: ConfigFlags): object {
  const { node, listen, hosts, peers, accept, limits, channels = [], compat = [] } = flags
  return {
    ...(node === undefined ? {} : { node }),
    ...(listen === undefined ? {} : { listen }),
    ...(hosts === undefined ? {} : { hosts }),
    peers: Object.fromEntries(peers ?? []),
    accept: Object.fromEntries(accept ?? []),
    limits: Object.fromEntries(limits ?? []),
    channels: channelsFromPairs(channels),
    compat: Object.fromEntries(compat.map(name => [name, true]))
  }
}

/** The parser's own message quotes the text, and with it perhaps a token. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const [, position] = /position (\d+)/.exec(String(error)) ?? []
    const line = position === undefined ? '' : `, line ${text.slice(0, Number(position)).split('\n').length}`
    throw new TypeError(`not JSON${line}`)
  }
}

/** @param text Of the file, to find the line in. */
function named<T>(source: string, act: () => T, text?: string): T {
  try {
    return act()
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    const line = text === undefined ? undefined : lineOf(text, said)
    throw new DroprError('CONFIG_BAD', `${source}: ${said}${line === undefined ? '' : ` (line ${line})`}`, error)
  }
}

/** The line of the key that a message begins with (`peers.tokyo.url must be …`), as far as searching for its parts finds it. */
function lineOf(text: string, said: string): number | undefined {
  const [, path] = /^(\S+) (?:must|has|is no|is not)\b/.exec(said) ?? []
  if (path === undefined) return undefined
  let at = 0
  for (const key of path.split('.')) {
    at = text.indexOf(`"${key}"`, at)
    if (at < 0) return undefined
  }
  return text.slice(0, at).split('\n').length
}
