import type { ChannelPolicy, Limits } from '../limits.ts'
import { limitsFrom } from '../limits.ts'
import { joinChannels } from '../spool/channel-policy.ts'
import { joinAccept } from '../spool/channel-rights.ts'
import { type Config, loadConfig } from '../spool/config.ts'
import { type Compat, parseConfig } from '../spool/config-schema.ts'
import type { Files } from '../system/files.ts'
import type { Duration } from './options.ts'

/** Settings as in dropr.json, but for `tokenFile`: what is here is stronger than what any file or the environment says. */
export interface ConfigGiven {
  node?: string
  listen?: string | number
  hosts?: readonly string[]
  peers?: Readonly<Record<string, string | { url: string; token?: string }>>
  /** Who may send to this node: name and SHA-256 of the token, 64 hex digits; and to which channels, if not to all. */
  accept?: Readonly<Record<string, string | { token: string; channels?: readonly string[] }>>
  limits?: Partial<Limits>
  /** What some channels have instead: `{ 'orders/eu': { leasedMax: 5 } }`. */
  channels?: Readonly<Record<string, Partial<ChannelPolicy>>>
  /** `levels` by name: `{ day: '1d', hour: '1h', minute: '1m' }`. */
  schedule?: { levels?: Readonly<Record<string, Duration>>; shards?: number; zone?: string }
  compat?: Compat
}

/**
 * The settings of a queue: those of the usual places with `given` on top; a whole `Config` is taken as it is.
 *
 * @throws TypeError for what the caller got wrong in `given`; DroprError CONFIG_BAD for files and the environment.
 */
export async function queueConfig(options: {
  files: Files
  spool: string
  given: Config | ConfigGiven | undefined
}): Promise<Config> {
  const { files, spool, given } = options
  if (isWhole(given)) return given
  const part = parseConfig(given ?? {})
  const config = await loadConfig({ files, spool, env: process.env, cwd: process.cwd() })
  if (part.node !== undefined) config.node = part.node
  if (part.listen !== undefined) config.listen = part.listen
  if (part.hosts !== undefined) config.hosts = part.hosts
  joinAccept(config, part)
  for (const [name, { url, token, tokenFile }] of part.peers) {
    if (tokenFile !== undefined)
      throw new TypeError(`config.peers.${name}: give the token itself, or name the file in dropr.json`)
    config.peers.set(name, { name, url, ...(token !== undefined && { token }) })
  }
  if (part.channels.size > 0) config.channels = joinChannels(config.channels ?? new Map(), part.channels)
  if (Object.keys(part.schedule).length > 0) config.schedule = { ...config.schedule, ...part.schedule }
  if (Object.keys(part.compat).length > 0) config.compat = { ...config.compat, ...part.compat }
  config.limits = limitsFrom({ ...config.limits, ...part.limits })
  return config
}

function isWhole(given: Config | ConfigGiven | undefined): given is Config {
  return given?.peers instanceof Map
}
