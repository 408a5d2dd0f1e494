import { Client } from '../../src/client/client.ts'
import type { ClientStatus } from '../../src/client/client-status.ts'
import { Ids } from '../../src/journal/ids.ts'
import { type Limits, limitsFrom } from '../../src/limits.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { OutboxWriter } from '../../src/spool/outbox-writer.ts'
import { Spool } from '../../src/spool/spool.ts'
import { WriterLife } from '../../src/spool/writer-life.ts'
import { findHolder } from '../../src/system/lock.ts'
import { silentLog } from '../../src/system/log.ts'
import { type SimProcess, SimWorld } from '../../src/system/sim/index.ts'
import { LoopbackTransport } from '../../src/wire/loopback-transport.ts'
import type { Transport } from '../../src/wire/transport.ts'
import { ModelStore } from './model.ts'

export const LIMITS = { scanMs: 2_000, segmentBytesMax: 65_536, rangeBytesMax: 16_384, retryMsMax: 5_000 }

/** One sending node on a simulated machine, real pieces all through, and receivers with a store in memory. */
export function setup(
  options: { watch?: boolean; peers?: string[]; limits?: Record<string, number>; uploadMs?: number } = {}
) {
  const world = new SimWorld({ seed: 7, latencyMs: [0.02, 0.2], watch: { on: options.watch ?? false } })
  const { clock } = world
  const machine = world.node('berlin')
  const limits: Limits = limitsFrom({ ...LIMITS, ...options.limits })
  const names = options.peers ?? ['tokyo']
  const stores = new Map(names.map(name => [name, new ModelStore()]))
  const down = new Set<string>()
  const serverLimits = limitsFrom({ messageBytesMax: 1_024 })
  const receivers = new Map(
    [...stores].map(([name, store]) => [name, new Receiver({ clock, log: silentLog, limits: serverLimits, store })])
  )
  const wire = new LoopbackTransport({
    clock,
    limits,
    ...(options.uploadMs === undefined ? {} : { faults: () => ({ delayMs: options.uploadMs! }) }),
    receiverOf: ({ name }) =>
      down.has(name) ? undefined : (request, peer) => receivers.get(name)!.receive(request, peer)
  })
  /** Uploads so far, and how many of one peer were on their way at once. */
  const uploads = { count: 0, atOnce: new Map<string, number>(), atOnceMax: 0 }
  const transport: Transport = {
    async upload(peer, request, signal) {
      const now = (uploads.atOnce.get(peer.name) ?? 0) + 1
      uploads.count++
      uploads.atOnce.set(peer.name, now)
      uploads.atOnceMax = Math.max(uploads.atOnceMax, now)
      try {
        return await wire.upload(peer, request, signal)
      } finally {
        uploads.atOnce.set(peer.name, uploads.atOnce.get(peer.name)! - 1)
      }
    },
    close: () => wire.close()
  }
  const peers = new Map(names.map(name => [name, { name, url: `http://${name}.example` }]))
  const spoolOf = (system: SimProcess) => clock.until(Spool.open({ system, path: '/spool', node: 'berlin', limits }))
  const startClient = async (process = 'client') => {
    const spool = await spoolOf(machine.process(process))
    return clock.until(Client.start({ spool, config: { peers }, transport }))
  }
  /** An application that sends, and pokes if told to. */
  const startApp = async (name: string, poke = false) => {
    const system = machine.process(name)
    const spool = await spoolOf(system)
    const life = await clock.until(WriterLife.begin(spool))
    const ids = new Ids(system.clock, system.random)
    const holder = poke ? await clock.until(findHolder(system, { folder: spool.run, name: 'client' })) : undefined
    if (holder) holder.line.onMessage = () => undefined
    const writer = new OutboxWriter({
      spool,
      writer: life.writer,
      ids,
      poke: ({ peer, channel, priority }) =>
        holder?.line.send(JSON.stringify({ op: 'poke', peer, channel, priority, n: 1 }))
    })
    let sent = 0
    const send = async (count: number, to: Partial<Target> = {}, bytes = 200) => {
      const where = { peer: 'tokyo', channel: 'common', priority: 4, ...to }
      const sends = Array.from({ length: count }, () => {
        const id = `${name}-${sent++}`
        return writer.append(where, { id, sentAt: 1, kind: 'bytes', body: Buffer.alloc(bytes) }, given => given)
      })
      await clock.until(Promise.all(sends))
    }
    const close = async () => {
      await clock.until(writer.close())
      await clock.until(life.close())
    }
    return { send, close, spool, system }
  }
  const arrived = (peer = 'tokyo') => [...stores.get(peer)!.streams.values()].flatMap(({ at }) => at)
  const statusOnDisk = async (): Promise<ClientStatus> => {
    const bytes = await clock.until(machine.process('looker').files.read('/spool/run/client.json', 1_000_000))
    return JSON.parse(bytes.toString()) as ClientStatus
  }
  return { world, clock, machine, startClient, startApp, arrived, stores, down, statusOnDisk, limits, uploads, spoolOf }
}

export interface Target {
  peer: string
  channel: string
  priority: number
}

export const ids = (name: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${name}-${from + i}`)
