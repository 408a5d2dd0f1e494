import { DroprError } from '../errors.ts'
import { isLoopback } from '../server/http-guard.ts'
import type { Config } from '../spool/config.ts'
import type { Log } from '../system/log.ts'

/**
 * Changes the configuration of running daemons into another one, in place: whoever holds `config.limits` sees the new numbers
 * at the next use. A name and an address are for life; that they differ is said.
 *
 * @throws DroprError CONFIG_BAD before anything is changed.
 */
export function adoptConfig(config: Config, next: Config, log: Log): void {
  const { listen } = config
  if (listen !== undefined && !isLoopback(listen.host) && next.accept.size === 0)
    throw new DroprError('CONFIG_BAD', `accept: without any peer the server may not go on listening on ${listen.host}`)
  const fixed = (['node', 'listen', 'schedule', 'compat'] as const).filter(
    key => next[key] !== undefined && JSON.stringify(next[key]) !== JSON.stringify(config[key])
  )
  if (fixed.length > 0) log.warn({ code: 'CONFIG_FIXED', keys: fixed }, 'these settings change at the next start only')
  Object.assign(config.limits, next.limits)
  config.channels?.clear()
  for (const [name, policy] of next.channels ?? []) config.channels?.set(name, policy)
  config.peers.clear()
  for (const [name, peer] of next.peers) config.peers.set(name, peer)
  config.accept.clear()
  for (const [name, digest] of next.accept) config.accept.set(name, digest)
  if (next.rights === undefined) delete config.rights
  else config.rights = next.rights
  if (next.hosts === undefined) delete config.hosts
  else config.hosts = next.hosts
}
