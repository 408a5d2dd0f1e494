import { join } from 'node:path'
import { askDesk, type DaemonStatus } from '../angel/desk.ts'
import { findDaemons, whoIs } from '../angel/hold.ts'
import type { KeeperStatus } from '../angel/keeper.ts'
import type { ConsumerStatus } from '../server/attached.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { listenOf } from './banner.ts'
import { columns, humanMs, printable } from './columns.ts'
import { consumerTable } from './consumer-table.ts'
import { EXIT } from './exit-codes.ts'

/** More than a child gets to answer its angel. */
const ANSWER_MS_MAX = 3_000
/** The JSON form; docs/cli.md. */
export interface SpoolStatus extends Partial<DaemonStatus> {
  spool: string
  running: boolean
  /** False when the daemons are there and do not say how they are: stopped by a signal, or very busy. */
  answering: boolean
  uptimeMs?: number
  listen?: string
  /** What the client says of its peers. */
  peers?: unknown
  /** What the server says of its channels. */
  channels?: unknown
  /** Who consumes, as the server sees it. */
  consumers?: unknown
  /** What the scheduler says of its shards. */
  schedule?: unknown
}

export async function runStatus({ out, spool }: Call<object>): Promise<number> {
  const system = nodeSystem()
  const status = await readStatus(system, spool)
  if (out.json) await out.value(status)
  else await out.line(statusText(status, system.clock.now()))
  return status.running ? EXIT.done : EXIT.stopped
}

export async function readStatus(system: System, spool: string): Promise<SpoolStatus> {
  const holder = await findDaemons(system, join(spool, 'run'))
  if (!holder) return { spool, running: false, answering: false }
  const answer = holder.about && (await askDesk(holder.line, 'status', { system, ms: ANSWER_MS_MAX }))
  holder.line.end()
  const about = (holder.about ?? {}) as Partial<DaemonStatus>
  if (!answer) return { ...about, spool, running: true, answering: false }
  const status = answer as DaemonStatus
  const listen = listenOf(status.roles)
  return {
    ...status,
    // What they say is below, by its own names.
    roles: status.roles.map(role => ({ ...role, says: undefined })),
    spool,
    running: true,
    answering: true,
    uptimeMs: system.clock.now() - status.startedAt,
    ...(listen === undefined ? {} : { listen }),
    peers: listOf(status.roles, 'client', 'peers'),
    channels: listOf(status.roles, 'server', 'channels'),
    consumers: listOf(status.roles, 'server', 'consumers'),
    schedule: listOf(status.roles, 'scheduler', 'shards')
  }
}

function listOf(roles: readonly KeeperStatus[], role: string, name: string): Record<string, unknown>[] {
  const says = roles.find(one => one.role === role)?.says
  const list: unknown = typeof says === 'object' && says !== null ? (says as Record<string, unknown>)[name] : undefined
  return Array.isArray(list) ? (list as Record<string, unknown>[]) : []
}

function statusText(status: SpoolStatus, now: number): string {
  if (!status.running) return `no daemons work on ${printable(status.spool)}`
  if (!status.answering) return `${whoIs(status)} works on ${printable(status.spool)} and does not answer`
  const rows = [
    ['node', status.node!],
    ['spool', status.spool],
    ['listen', status.listen ?? 'nowhere'],
    ['pid', String(status.pid)],
    ['version', status.version!],
    ['up', humanMs(status.uptimeMs!)]
  ]
  const parts = [columns(rows), daemonTable(status.roles!, now)]
  const peers = status.peers as Record<string, unknown>[]
  const channels = status.channels as Record<string, unknown>[]
  if (peers.length > 0) parts.push(peerTable(peers, now))
  if (channels.length > 0) parts.push(channelTable(channels))
  const consumers = status.consumers as ConsumerStatus[]
  if (consumers.length > 0) parts.push(consumerTable(consumers, now))
  const schedule = status.schedule as Record<string, unknown>[]
  if (schedule.some(shard => shard.held !== 0)) parts.push(scheduleTable(schedule, now))
  return parts.join('\n\n')
}

function daemonTable(roles: readonly KeeperStatus[], now: number): string {
  const rows = roles.map(role => {
    const { lastDeath, failing } = role
    const died = lastDeath ? `${lastDeath.reason}, ${humanMs(now - lastDeath.at)} ago` : ''
    const since = failing ? `; ${failing.deaths} times in ${humanMs(now - failing.since)}` : ''
    return [role.role, role.state, role.pid === undefined ? '-' : String(role.pid), String(role.restarts), died + since]
  })
  return columns([['DAEMON', 'STATE', 'PID', 'RESTARTS', 'LAST DEATH'], ...rows])
}

function peerTable(peers: readonly Record<string, unknown>[], now: number): string {
  const rows = peers.map(peer => {
    const error = peer.lastError as { code: string; text: string } | undefined
    const { depth = 0, oldestAt, alarm } = (peer.backlog ?? {}) as { depth?: number; oldestAt?: number; alarm?: string }
    const waits = `${depth}${alarm === undefined ? '' : ' !'}`
    const oldest = oldestAt === undefined ? '-' : humanMs(Math.max(0, now - oldestAt))
    const next = typeof peer.nextTryAt === 'number' ? `in ${humanMs(Math.max(0, peer.nextTryAt - now))}` : '-'
    return [
      peer.name,
      peer.pausedAt === undefined ? peer.state : 'paused',
      peer.acked ?? '',
      waits,
      oldest,
      next,
      error ? `${error.code}: ${error.text}` : ''
    ].map(String)
  })
  return columns([['PEER', 'STATE', 'ACKED', 'WAITING', 'OLDEST', 'NEXT TRY', 'LAST ERROR'], ...rows])
}

function scheduleTable(shards: readonly Record<string, unknown>[], now: number): string {
  const rows = shards.map(({ shard, held, due, nextDueAt, fired, late, failing }) => {
    const { code, text, since } = (failing ?? {}) as { code?: string; text?: string; since?: number }
    const next = typeof nextDueAt === 'number' ? nextDueAt - now : undefined
    const error = code === undefined ? '' : `${code}, since ${humanMs(Math.max(0, now - since!))}: ${text}`
    const until = next === undefined ? '-' : next < 0 ? `${humanMs(-next)} overdue` : `in ${humanMs(next)}`
    return [shard, held, due, until, fired, late, error].map((cell = 0) => String(cell as string | number))
  })
  return columns([['SCHEDULE', 'HELD', 'DUE', 'NEXT', 'FIRED', 'LATE', 'FAILING'], ...rows])
}

function channelTable(channels: readonly Record<string, unknown>[]): string {
  const counts = [...new Set(channels.flatMap(Object.keys))].filter(name => name !== 'channel' && name !== 'oldestAt')
  const rows = channels.map(channel => [channel.channel, ...counts.map(name => cell(channel[name] ?? 0))].map(String))
  return columns([['CHANNEL', ...counts.map(name => name.toUpperCase())], ...rows])
}

function cell(value: unknown): unknown {
  return typeof value === 'boolean' ? (value ? 'yes' : '-') : value
}
