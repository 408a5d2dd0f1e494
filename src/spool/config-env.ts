import { LIMITS } from '../limits.ts'
import { channelsFromPairs } from './channel-policy.ts'

export type Env = Readonly<Record<string, string | undefined>>

/**
 * What the environment says, in the shape of a file: `DROPR_NODE`, `DROPR_LISTEN`, `DROPR_HOSTS` (`name,name`), `DROPR_PEERS` and `DROPR_ACCEPT` (both
 * `name=value,name=value`), `DROPR_TOKEN_<PEER>` for each peer's token, `DROPR_ZONE`, `DROPR_SHARDS`,
 * `DROPR_COMPAT` (`name,name`), `DROPR_CHANNELS` (`channel.limit=number,channel.limit=number`), and every limit by its name, `DROPR_LEASE_MS`.
 *
 * Other variables that begin so are others' business.
 */
export function configFromEnv(env: Env): { config: object; tokens: Map<string, string> } {
  const limits: Record<string, string> = {}
  for (const name of Object.keys(LIMITS)) {
    const value = env[envName(name)]
    if (value) limits[name] = value
  }
  const config = {
    ...(env.DROPR_NODE ? { node: env.DROPR_NODE } : {}),
    ...(env.DROPR_LISTEN ? { listen: env.DROPR_LISTEN } : {}),
    ...(env.DROPR_HOSTS ? { hosts: env.DROPR_HOSTS.split(',').map(host => host.trim()) } : {}),
    peers: pairs(env, 'DROPR_PEERS'),
    accept: pairs(env, 'DROPR_ACCEPT'),
    limits,
    channels: channelsFromPairs(Object.entries(pairs(env, 'DROPR_CHANNELS'))),
    schedule: {
      ...(env.DROPR_ZONE ? { zone: env.DROPR_ZONE } : {}),
      ...(env.DROPR_SHARDS ? { shards: env.DROPR_SHARDS } : {})
    },
    compat: Object.fromEntries((env.DROPR_COMPAT ? env.DROPR_COMPAT.split(',') : []).map(name => [name.trim(), true]))
  }
  const tokens = new Map<string, string>()
  for (const [name, token] of Object.entries(env)) {
    const [, peer] = /^DROPR_TOKEN_([A-Z0-9_]+)$/.exec(name) ?? []
    if (peer !== undefined && token) tokens.set(peer.toLowerCase().replaceAll('_', '-'), token)
  }
  return { config, tokens }
}

/** `messageBytesMax` is `DROPR_MESSAGE_BYTES_MAX`. */
export function envName(limit: string): string {
  return `DROPR_${limit.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}

function pairs(env: Env, name: string): object {
  const found: Record<string, string> = Object.create(null)
  for (const pair of (env[name] ?? '').split(',')) {
    const text = pair.trim()
    if (text === '') continue
    const at = text.indexOf('=')
    if (at < 1) throw new TypeError(`${name} must be name=value,name=value`)
    found[text.slice(0, at).trim()] = text.slice(at + 1).trim()
  }
  return found
}
