import { DroprError, diskError, systemCode } from '../errors.ts'
import { Ids } from '../journal/ids.ts'
import { listBlobs, parseHeldBlob } from '../spool/blob-names.ts'
import type { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { acquireLock, findHolder, LockHeldError } from '../system/lock.ts'
import type { Line } from '../system/sockets.ts'
import { type Answers, allOf, answersOf, oneOf, tickedOf } from './answers.ts'
import type { ForecastRow } from './forecast.ts'
import { blobFolder, type CleanedBlobs } from './held-blobs.ts'
import { joinPages } from './join-pages.ts'
import { LEVELS, type Level } from './levels.ts'
import type { ListPage, ListQuery } from './listing.ts'
import { Outlet } from './outlet.ts'
import { type Answer, type Request, serve } from './service.ts'
import { Shard } from './shard.ts'
import { shardLock, shardRoot, shardsThere } from './shard-root.ts'
import type { Shown, Ticked } from './shown.ts'
import type { Change, ChangedBody, HeldState, Steered } from './steering.ts'

const TRIES_MAX = 5
/** One question a line. */
const ASKED = 1
const ANSWER_MS_MAX = 30_000
const LIMIT_DEFAULT = 50
const LIMIT_MAX = 1_000

type Ask = Request extends infer R ? (R extends Request ? Omit<R, 'n'> : never) : never

/**
 * Steers what is scheduled, from any process: asks whoever works on the shards, and where nobody does, does it itself for the
 * moment.
 */
export class Schedule {
  readonly #spool: Spool
  readonly #levels: readonly Level[]
  readonly #shards: number

  constructor(options: { spool: Spool; levels?: readonly Level[]; shards?: number }) {
    this.#spool = options.spool
    this.#levels = options.levels ?? LEVELS
    this.#shards = options.shards ?? 1
  }

  /** @throws DroprError SCHEDULER_UNREACHABLE, SCHEDULE_UNREAD, ENTRY_CORRUPT, DISK_* */
  async cancel(id: string): Promise<Steered> {
    return oneOf(await this.#askAll<Steered>({ op: 'cancel', id }))
  }

  reschedule(id: string, due: number): Promise<Steered> {
    return this.change(id, { due })
  }

  edit(id: string, body: ChangedBody): Promise<Steered> {
    return this.change(id, { body })
  }

  /** Another time, another body, or both in one moment. */
  async change(id: string, { due, body }: Change): Promise<Steered> {
    const { bytes, ...rest } = body ?? {}
    const changed = bytes && { ...(rest as Omit<ChangedBody, 'bytes'>), base64: Buffer.from(bytes).toString('base64') }
    const ask = { op: 'change', id, ...(due !== undefined && { due }), ...(changed && { body: changed }) } as const
    return oneOf(await this.#askAll<Steered>(ask))
  }

  /** Resolves when it is in the outbox. */
  async sendNow(id: string): Promise<Steered> {
    return oneOf(await this.#askAll<Steered>({ op: 'now', id }))
  }

  async show(id: string): Promise<Shown> {
    type Said = { state: HeldState; messages: (Omit<Shown['messages'][number], 'body'> & { body: string })[] }
    const answers = await this.#askAll<Said>({ op: 'show', id })
    const messages = answers.said.flatMap(said => said.messages)
    return { ...oneOf(answers), messages: messages.map(one => ({ ...one, body: Buffer.from(one.body, 'base64') })) }
  }

  /** @throws TypeError for a limit that is none. */
  async list(query: ListQuery = {}): Promise<ListPage> {
    const limit = query.limit ?? LIMIT_DEFAULT
    if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
      throw new TypeError(`limit must be a whole number from 1 to ${LIMIT_MAX}, got ${limit}`)
    const after = query.after?.split(' ') ?? []
    const shards = await shardsThere(this.#spool, this.#shards)
    const { after: _, ...rest } = query
    const answers = await answersOf(shards, async (shard): Promise<ListPage> => {
      const ours = after[shards.indexOf(shard)]
      if (ours === 'end') return { messages: [], next: undefined }
      return await this.#ask<ListPage>(shard, { op: 'list', query: { ...rest, limit, ...(ours && { after: ours }) } })
    })
    const pages = allOf(answers)
    if (pages.length === 1) return { messages: pages[0]!.messages, next: pages[0]!.next }
    return joinPages(pages, limit, after)
  }

  async forecast(): Promise<ForecastRow[]> {
    const rows = new Map<string, ForecastRow>()
    for (const row of allOf(await this.#askAll<ForecastRow[]>({ op: 'forecast' })).flat()) {
      const key = `${row.level}/${row.bucket}`
      const same = rows.get(key)
      if (same === undefined) rows.set(key, row)
      else {
        same.messages += row.messages
        same.segments += row.segments
        same.from = Math.min(same.from, row.from)
        same.to = Math.max(same.to, row.to)
      }
    }
    return [...rows.values()].sort((a, b) => a.from - b.from)
  }

  /** Hands over all that is due now, in every shard, and says what became of each. Safe beside a running scheduler. */
  async tick(): Promise<Ticked[]> {
    return tickedOf(await this.#askAll<Ticked[]>({ op: 'tick' }))
  }

  /** Removes large bodies that no held message needs; in a dry run counts them. */
  async cleanBlobs(dryRun: boolean): Promise<CleanedBlobs> {
    const all: CleanedBlobs = { files: 0, bytes: 0 }
    const { files } = this.#spool.system
    for (const shard of await shardsThere(this.#spool, this.#shards)) {
      const there = await listBlobs(files, blobFolder(shardRoot(this.#spool.path, shard)), parseHeldBlob)
      if (there.length === 0) continue
      const cleaned = await this.#ask<CleanedBlobs>(shard, { op: 'clean', dryRun })
      all.files += cleaned.files
      all.bytes += cleaned.bytes
    }
    return all
  }

  async #askAll<T>(ask: Ask): Promise<Answers<T>> {
    return await answersOf(await shardsThere(this.#spool, this.#shards), shard => this.#ask<T>(shard, ask))
  }

  /** Who waits for an answer waits: no socket or lock of ours keeps a process alive by itself. */
  async #ask<T>(shard: number, ask: Ask): Promise<T> {
    const letGo = keepAlive()
    try {
      return await this.#askHolder<T>(shard, ask)
    } catch (error) {
      if (error instanceof LockHeldError) throw unreachable(shard)
      throw systemCode(error) === undefined ? error : diskError(error, `${ask.op} in the schedule`)
    } finally {
      letGo()
    }
  }

  async #askHolder<T>(shard: number, ask: Ask): Promise<T> {
    await this.#spool.folders.ensure(this.#spool.run)
    for (let tries = 1; ; tries++) {
      const holder = await findHolder(this.#spool.system, shardLock(this.#spool, shard)).catch(() => 'silent' as const)
      if (holder === 'silent') throw unreachable(shard)
      if (holder !== undefined) return this.#say<T>(holder.line, shard, ask)
      try {
        return await this.#become<T>(shard, ask)
      } catch (error) {
        if (!(error instanceof LockHeldError) || tries === TRIES_MAX) throw error
      }
    }
  }

  /** A request of which nobody knows whether it was done may be said again: all of them may. */
  #say<T>(line: Line, shard: number, ask: Ask): Promise<T> {
    const done = new AbortController()
    return new Promise<T>((resolve, reject) => {
      line.onEnd = () => reject(unreachable(shard))
      line.onMessage = text => {
        const { n, ok, error } = JSON.parse(text) as Partial<Answer>
        // A holder that stood still when it was asked who it is says that now.
        if (n !== ASKED) return
        if (error === undefined) resolve(ok as T)
        else reject(new DroprError(error.code, error.text))
      }
      line.send(JSON.stringify({ n: ASKED, ...ask }))
      void this.#spool.system.clock.sleep(ANSWER_MS_MAX, done.signal).then(() => reject(unreachable(shard)))
    }).finally(() => {
      done.abort()
      line.end()
    })
  }

  async #become<T>(index: number, ask: Ask): Promise<T> {
    const { system } = this.#spool
    const about = { role: 'scheduler', shard: index, spool: this.#spool.id, since: system.clock.now() }
    const lock = await acquireLock(system, { ...shardLock(this.#spool, index), about })
    try {
      const life = await WriterLife.begin(this.#spool)
      try {
        const ids = new Ids(system.clock, system.random)
        const root = shardRoot(this.#spool.path, index)
        const { writer } = life
        const outlet = new Outlet({ spool: this.#spool, writer, ids, poke: undefined })
        const shard = await Shard.open({ spool: this.#spool, root, writer, ids, levels: this.#levels, outlet })
        try {
          lock.onConnection = line => serve(line, shard)
          return await this.#asked<T>(shard, index, ask)
        } finally {
          try {
            await shard.close()
          } finally {
            await outlet.close()
          }
        }
      } finally {
        await life.close()
      }
    } finally {
      await lock.release()
    }
  }

  /** The same words, without a wire. */
  #asked<T>(shard: Shard, index: number, ask: Ask): Promise<T> {
    const line: Line = {
      send: text => ours.onMessage(text),
      onMessage: () => undefined,
      onEnd: () => undefined,
      end: () => undefined,
      ref: () => undefined
    }
    const ours: Line = { ...line, send: text => line.onMessage(text) }
    serve(line, shard)
    return this.#say<T>(ours, index, ask)
  }
}

function unreachable(shard: number): DroprError {
  return new DroprError('SCHEDULER_UNREACHABLE', `the scheduler of shard ${shard} does not answer`)
}
