import { diskError } from '../errors.ts'
import { Ids } from '../journal/ids.ts'
import type { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import { acquireLock, type Lock, LockHeldError } from '../system/lock.ts'
import { askForShard, shardToAskFor, workerOf } from './fair-share.ts'
import type { Fired } from './firing.ts'
import type { Lateness } from './lateness.ts'
import { checkLevels, LEVELS, type Level } from './levels.ts'
import { Outlet, type Poke } from './outlet.ts'
import { serve } from './service.ts'
import { Shard, type ShardStatus } from './shard.ts'
import { SHARDS_MAX, shardLock, shardRoot, shardsThere } from './shard-root.ts'

export interface SchedulerOptions {
  spool: Spool
  /** From coarse to fine; default day, hour, minute. */
  levels?: readonly Level[]
  /** 1 to 64; default 1. Several processes share the work by them. */
  shards?: number
  /** Told of each commit into an outbox: what the client, or for this node the inbox's owner, need not look for. */
  poke?: Poke
  /** What monitoring is told that asks over a shard's socket. */
  metrics?: () => Promise<unknown>
}

export interface SchedulerStatus {
  /** Those this process works on; the others belong to other processes. */
  shards: ({ shard: number } & ShardStatus)[]
  shardsElsewhere: number[]
}

/**
 * The role that holds messages until they are due. As many processes as you like: each shard is worked on by one of them, which
 * holds its lock; who comes later takes its share of them, and when one dies, the next to look takes over.
 */
export class Scheduler {
  readonly #options: SchedulerOptions & { levels: readonly Level[]; shards: number }
  readonly #life: WriterLife
  readonly #ids: Ids
  readonly #outlet: Outlet
  readonly #held = new Map<number, { shard: Shard; lock: Lock }>()
  readonly #stopping = new AbortController()
  #elsewhere: number[] = []
  /** Given away since the last look: somebody else's to take. */
  readonly #given = new Set<number>()
  readonly #giving = new Set<Promise<void>>()
  #looking: Promise<void>

  private constructor(options: SchedulerOptions & { levels: readonly Level[]; shards: number }, life: WriterLife) {
    const { clock, random } = options.spool.system
    this.#options = options
    this.#life = life
    this.#ids = new Ids(clock, random)
    const { spool, poke } = options
    this.#outlet = new Outlet({ spool, writer: life.writer, ids: this.#ids, poke })
    this.#looking = Promise.resolve()
  }

  /**
   * Takes every shard that nobody works on, now and whenever one becomes free.
   *
   * @throws TypeError for levels or shards that are none; DroprError DISK_*, SPOOL_DAMAGED, FORMAT_NEWER.
   */
  static async start(options: SchedulerOptions): Promise<Scheduler> {
    const levels = checkLevels(options.levels ?? LEVELS)
    const shards = options.shards ?? 1
    if (!Number.isInteger(shards) || shards < 1 || shards > SHARDS_MAX)
      throw new TypeError(`shards must be a whole number from 1 to ${SHARDS_MAX}, got ${shards}`)
    const life = await WriterLife.begin(options.spool)
    const scheduler = new Scheduler({ ...options, levels, shards }, life)
    try {
      await scheduler.#takeFree()
    } catch (error) {
      await scheduler.close()
      throw diskError(error, 'start the scheduler')
    }
    scheduler.#looking = scheduler.#lookOut()
    return scheduler
  }

  /** Hands over all that is due now in the shards of this process. */
  async tick(): Promise<Fired[]> {
    return (await Promise.all([...this.#held.values()].map(({ shard }) => shard.tick()))).flat()
  }

  get lateness(): { shard: number; lateness: Lateness }[] {
    return [...this.#held].map(([shard, held]) => ({ shard, lateness: held.shard.lateness }))
  }

  status(): SchedulerStatus {
    const shards = [...this.#held].map(([shard, held]) => ({ shard, ...held.shard.status() }))
    return { shards, shardsElsewhere: this.#elsewhere }
  }

  /** Finishes what is in hand, and lets others take over. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#looking
    await Promise.allSettled(this.#giving)
    const closing = [...this.#held.values()].map(letGo)
    const results = await Promise.allSettled(closing)
    this.#held.clear()
    const outlet = await Promise.allSettled([this.#outlet.close()])
    await this.#life.close()
    for (const result of [...results, ...outlet]) if (result.status === 'rejected') throw result.reason
  }

  async #lookOut(): Promise<void> {
    const { system, limits } = this.#options.spool
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await system.clock.sleep(limits.scanMs, signal)
      if (signal.aborted) return
      try {
        await this.#takeFree()
      } catch (error) {
        system.log.error({ error: String(error) }, 'a shard of the schedule could not be taken: it is tried again')
      }
    }
  }

  async #takeFree(): Promise<void> {
    const { spool, shards } = this.#options
    const elsewhere: number[] = []
    const workers = new Map<number, string>()
    for (const shard of await shardsThere(spool, shards)) {
      if (this.#held.has(shard) || this.#given.delete(shard) || this.#stopping.signal.aborted) continue
      const holder = await this.#take(shard)
      if (holder === undefined) continue
      elsewhere.push(shard)
      const by = workerOf(holder.about)
      if (by !== undefined) workers.set(shard, by)
    }
    this.#elsewhere = elsewhere
    const wanted = shardToAskFor(this.#held.size, workers)
    const { signal } = this.#stopping
    if (wanted === undefined || signal.aborted) return
    const asked = { has: this.#held.size, signal }
    if (await askForShard(spool.system, shardLock(spool, wanted), asked)) await this.#take(wanted)
  }

  /** To a scheduler that works on fewer. Whether it is free now. */
  async #give(index: number, has: number): Promise<boolean> {
    const held = this.#held.get(index)
    if (held === undefined || this.#held.size < has + 2 || this.#stopping.signal.aborted) return false
    this.#held.delete(index)
    this.#given.add(index)
    const giving = letGo(held)
    this.#giving.add(giving)
    try {
      await giving
    } finally {
      this.#giving.delete(giving)
    }
    return true
  }

  /** One of the shards of a process tells of all. */
  async #metricsOf(index: number): Promise<unknown> {
    return index === Math.min(...this.#held.keys()) ? ((await this.#options.metrics?.()) ?? []) : []
  }

  /** Undefined: it is ours now. */
  async #take(index: number): Promise<LockHeldError | undefined> {
    const { spool, levels } = this.#options
    const { system } = spool
    await spool.folders.ensure(spool.run)
    let lock: Lock
    try {
      const { writer } = this.#life
      const about = { role: 'scheduler', shard: index, by: writer, spool: spool.id, since: system.clock.now() }
      lock = await acquireLock(system, { ...shardLock(spool, index), about })
    } catch (error) {
      if (error instanceof LockHeldError) return error
      throw error
    }
    try {
      const root = shardRoot(spool.path, index)
      const { writer } = this.#life
      const shard = await Shard.open({ spool, root, writer, ids: this.#ids, levels, outlet: this.#outlet })
      this.#held.set(index, { shard, lock })
      shard.run()
      const keeper = { metrics: () => this.#metricsOf(index), give: (has: number) => this.#give(index, has) }
      lock.onConnection = line => serve(line, shard, keeper)
      return undefined
    } catch (error) {
      await lock.release()
      throw error
    }
  }
}

async function letGo({ shard, lock }: { shard: Shard; lock: Lock }): Promise<void> {
  try {
    await shard.close()
  } finally {
    await lock.release()
  }
}
