import { resolve } from 'node:path'
import { Ids } from '../journal/ids.ts'
import { checkChannel } from '../names.ts'
import type { Schedule } from '../scheduler/index.ts'
import { ScheduleIntake } from '../scheduler/intake.ts'
import { changedFolder } from '../scheduler/shard-root.ts'
import type { InboxPort } from '../server/inbox-port.ts'
import type { MovesPort } from '../server/move.ts'
import type { Config } from '../spool/config.ts'
import { type OutboxHint, OutboxWriter } from '../spool/outbox-writer.ts'
import { scheduleOf } from '../spool/schedule-config.ts'
import { SentBlobs } from '../spool/sent-blobs.ts'
import { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import type { Files } from '../system/files.ts'
import type { Log } from '../system/log.ts'
import { nodeSystem } from '../system/node-system.ts'
import { storageOf } from '../system/storages.ts'
import type { System } from '../system/system.ts'
import { withStorage } from '../system/with-storage.ts'
import { Destinations } from './destinations.ts'
import { Intake } from './intake.ts'
import { MovesLink } from './moves-link.ts'
import { observedBox, observedOutbox } from './observed-outbox.ts'
import { observed } from './observed-port.ts'
import { checkOptions } from './options.ts'
import { Poker } from './poke.ts'
import { Queue } from './queue.ts'
import { type ConfigGiven, queueConfig } from './queue-config.ts'
import { replyThrough } from './reply.ts'
import { Sender } from './send.ts'
import { Tracker } from './tracker.ts'

export const SPOOL_DEFAULT = './spool'

export interface QueueOptions {
  /** Default `./spool` of the working folder. Made when it is not there. */
  spool?: string
  /** On top of `<spool>/dropr.json`, `./dropr.json` and the environment; or whole, as `loadConfig` gives it. */
  config?: ConfigGiven | Config
  /** Default: silence. pino's shape fits. */
  log?: Log
  /** The name of this node, for a spool that has none yet. */
  node?: string
  /** Where messages lie, or the name by which it is registered. Default: `disk`. `spool` stays the folder of the sockets (docs/plug-ins.md). */
  storage?: Files | string
  /** The world; for tests. */
  system?: System
}

/** The way to the inbox's owner: the class `Owner`, or, where most processes need none, what loads it when one is needed. */
export interface OwnerDoor {
  /** The owner in this very process, if it is there. */
  here(spool: Spool): { poke(hint: OutboxHint): void } | undefined
  attach(options: { spool: Spool; mayOwn: boolean }): Promise<InboxPort & MovesPort>
}

/** Checks the options, reads the settings, opens the spool. */
export async function openSpool(
  options: QueueOptions,
  known: ReadonlySet<string>,
  what: string
): Promise<{ spool: Spool; config: Config }> {
  checkOptions(options, known, what)
  const { spool: path = SPOOL_DEFAULT, log } = options
  if (typeof path !== 'string' || path === '') throw new TypeError('spool must be the path of a folder')
  const world = options.system ?? nodeSystem(log === undefined ? {} : { log })
  const storage = storageOf(options.storage, resolve(path))
  const system = storage === undefined ? world : withStorage({ system: world, storage, spool: resolve(path) })
  const config = await queueConfig({ files: system.files, spool: path, given: options.config })
  const node = options.node ?? config.node
  const spool = await Spool.open({ system, path, node, limits: config.limits, channels: config.channels })
  return { spool, config }
}

/** A queue on a spool that is open. */
export async function queueOn(below: { spool: Spool; config: Config; owner: OwnerDoor }): Promise<Queue> {
  const { spool, config, owner } = below
  const { system, limits, node } = spool
  const ids = new Ids(system.clock, system.random)
  const life = await WriterLife.begin(spool)
  const poker = new Poker({ system, run: spool.run, node, here: () => owner.here(spool) })
  const outbox = new OutboxWriter({ spool, writer: life.writer, ids, poke: hint => poker.poke(hint) })
  const blobs = new SentBlobs({ spool, writer: life.writer })
  const destinations = new Destinations(node, config.peers)
  const { levels, shards, zone } = scheduleOf(config)
  const box = observedBox(new ScheduleIntake({ spool, writer: life.writer, ids, shards }), system.log)
  const sent = observedOutbox(outbox, system.log)
  const { clock } = system
  let schedule: Promise<Schedule> | undefined
  const open = () => {
    schedule ??= import('../scheduler/schedule.ts').then(room => new room.Schedule({ spool, levels, shards }))
    return schedule
  }
  const desk = new Tracker({ spool, held: async id => (await open()).show(id) })
  const sending = { outbox: sent, blobs, clock, ids, limits, later: { box, zone }, desk }
  // Replies go to channels of ours.
  const replying = new Sender({ ...sending, destinations: new Destinations(node, config.peers, checkChannel) })
  const moves = new MovesLink(() => owner.attach({ spool, mayOwn: true }))
  return new Queue({
    system,
    limits,
    node,
    spool: spool.path,
    sender: new Sender({ ...sending, destinations }),
    desk,
    moves: { spool, step: request => moves.move(request), schedule: open },
    later: { zone, open, large: { room: blobs, folder: changedFolder(spool.path), writer: life.writer } },
    intake: new Intake(
      system,
      async () => observed(await owner.attach({ spool, mayOwn: true }), system.log),
      replyThrough(replying)
    ),
    async closeBelow() {
      await desk.close()
      poker.close()
      await moves.close()
      // Others take this process for dead once its socket is gone: only when nothing more is written.
      const closing = await Promise.allSettled([outbox.close(), box.close()])
      await life.close()
      for (const closed of closing) if (closed.status === 'rejected') throw closed.reason
    }
  })
}
