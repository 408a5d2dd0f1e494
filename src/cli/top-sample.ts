import { join } from 'node:path'
import type { ConsumerStatus } from '../server/attached.ts'
import type { System } from '../system/system.ts'
import { readStatus } from './run-status.ts'
import { readBoard, type WorkerStatus } from './worker-board.ts'

/** What the daemons say at one moment; fields of src/client/client-status.ts, src/server/channel-depth.ts and src/server/attached.ts. */
export interface Sample {
  /** Monotonic. */
  ticks: number
  /** Wall ms. */
  now: number
  running: boolean
  node?: string
  uptimeMs?: number
  peers: PeerSample[]
  channels: ChannelSample[]
  /** With or without daemons. */
  workers: WorkerStatus[]
  /** As the server sees them, workers among them. */
  consumers: ConsumerStatus[]
}

export interface PeerSample {
  name: string
  state: string
  pausedAt?: number
  acked: number
  nextTryAt?: number
  lastError?: { code: string; text: string }
  backlog?: { depth: number; oldestAt?: number }
}

export interface ChannelSample {
  channel: string
  pending: number
  leased: number
  delayed: number
  done: number
  dead: number
  expired: number
  oldestAt?: number
  paused?: boolean
}

export async function takeSample(system: System, spool: string): Promise<Sample> {
  const { clock } = system
  const { running, answering, node, uptimeMs, peers, channels, consumers } = await readStatus(system, spool)
  return {
    ticks: clock.ticks(),
    now: clock.now(),
    running: running && answering,
    ...(node === undefined ? {} : { node }),
    ...(uptimeMs === undefined ? {} : { uptimeMs }),
    peers: (peers ?? []) as PeerSample[],
    channels: (channels ?? []) as ChannelSample[],
    workers: await readBoard(system, join(spool, 'run')),
    consumers: (consumers ?? []) as ConsumerStatus[]
  }
}

/** A peer or channel, with what changed since the sample before; docs/cli.md. */
export interface TopRow {
  name: string
  state: string
  /** Undefined where it was not there before, or began to count anew. */
  inPerSecond?: number | undefined
  outPerSecond?: number | undefined
  waiting: number
  leased?: number
  dead?: number
  oldestAt?: number | undefined
  nextTryAt?: number | undefined
  lastError?: { code: string; text: string } | undefined
}

export interface TopRows {
  peers: TopRow[]
  channels: TopRow[]
}

export type TopSort = 'rate' | 'waiting'

/** What happened between two samples. */
export function rowsOf(before: Sample | undefined, after: Sample, sort: TopSort): TopRows {
  const seconds = before === undefined ? 0 : (after.ticks - before.ticks) / 1_000
  const rate = (now: number, then: number | undefined) =>
    then === undefined || now < then || seconds <= 0 ? undefined : (now - then) / seconds
  const peersBefore = new Map(before?.peers.map(peer => [peer.name, peer]))
  const channelsBefore = new Map(before?.channels.map(channel => [channel.channel, channel]))
  const order = (a: TopRow, b: TopRow) =>
    (sort === 'rate' ? busy(b) - busy(a) : 0) || b.waiting - a.waiting || (a.name < b.name ? -1 : 1)
  return {
    peers: after.peers.map(peer => peerRow(peer, rate(peer.acked, peersBefore.get(peer.name)?.acked))).sort(order),
    channels: after.channels
      .map(channel => {
        const then = channelsBefore.get(channel.channel)
        const into = rate(arrived(channel), then && arrived(then))
        return channelRow(channel, into, rate(finished(channel), then && finished(then)))
      })
      .sort(order)
  }
}

function peerRow(peer: PeerSample, outPerSecond: number | undefined): TopRow {
  const { name, state, pausedAt, nextTryAt, lastError, backlog } = peer
  const shown = pausedAt === undefined ? state : 'paused'
  // An error of which the peer has recovered is no news.
  const error = state === 'ok' ? undefined : lastError
  const { depth: waiting = 0, oldestAt } = backlog ?? {}
  return { name, state: shown, outPerSecond, waiting, oldestAt, nextTryAt, lastError: error }
}

function channelRow(channel: ChannelSample, into: number | undefined, out: number | undefined): TopRow {
  const { channel: name, pending, leased, delayed, dead, oldestAt, paused } = channel
  const state = paused ? 'paused' : 'ok'
  return { name, state, inPerSecond: into, outPerSecond: out, waiting: pending + delayed, leased, dead, oldestAt }
}

function finished({ done, dead, expired }: ChannelSample): number {
  return done + dead + expired
}

function arrived(channel: ChannelSample): number {
  return channel.pending + channel.leased + channel.delayed + finished(channel)
}

function busy({ inPerSecond = 0, outPerSecond = 0 }: TopRow): number {
  return inPerSecond + outPerSecond
}
