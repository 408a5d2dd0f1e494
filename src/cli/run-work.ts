import { join } from 'node:path'
import { durationMs } from '../duration.ts'
import { DroprError } from '../errors.ts'
import type { Message } from '../queue/message.ts'
import type { Queue } from '../queue/queue.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'
import { EXIT } from './exit-codes.ts'
import { openCallQueue } from './open-queue.ts'
import { onSignals } from './signals.ts'
import { usage } from './usage-error.ts'
import type { WorkOptions } from './work.ts'
import { Worker } from './worker.ts'
import { openBoard } from './worker-board.ts'

/** One poll of many; nobody stays away longer. */
const WAIT_MS = 60_000
const BUSY_WAIT_MS = 1_000
/** Of a command, for people. */
const COMMAND_CHARACTERS = 200

export async function runWork(call: Call<WorkOptions>): Promise<number> {
  const { options, out } = call
  const system = nodeSystem()
  const { clock, files } = system
  const { limits } = await loadCallConfig(call, files)
  const times = usage(() => ({
    waitMs: options.wait === undefined ? undefined : durationMs(options.wait, '--wait'),
    releaseAfterMs: durationMs(options.releaseAfter, '--release-after'),
    leaseMs: options.lease === undefined ? limits.leaseMs : durationMs(options.lease, '--lease')
  }))
  const [command, ...args] = call.args[1] as unknown as string[]
  const worker = new Worker({
    command: command!,
    args,
    env: process.env,
    clock,
    leaseMs: times.leaseMs,
    releaseAfterMs: times.releaseAfterMs,
    graceMs: limits.graceMs,
    result: options.result === true,
    json: out.json,
    onStderr: chunk => process.stderr.write(chunk)
  })
  const ending = new AbortController()
  const release = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], signal => {
    ending.abort()
    worker.stop(signal)
  })
  // Read now: it works for weeks, beside daemons that may end, and may have too many files open when it needs the owner's code.
  await import('../server/owner.ts')
  const queue = await openCallQueue(call)
  const about = {
    pid: process.pid,
    channel: call.args[0]!,
    command: [command, ...args].join(' ').slice(0, COMMAND_CHARACTERS),
    concurrency: options.concurrency,
    startedAt: clock.now()
  }
  const closeBoard = await openBoard(system, join(call.spool, 'run'), () => ({ ...about, ...worker.status() }))
  try {
    return await new Shift({ call, queue, worker, ending, ...times }).run()
  } finally {
    await closeBoard()
    await queue.close()
    release()
  }
}

interface ShiftOptions {
  call: Call<WorkOptions>
  queue: Queue
  worker: Worker
  /** Aborts when nothing more is to be begun. */
  ending: AbortController
  /** Ends when nothing came for so long. */
  waitMs: number | undefined
  leaseMs: number
}

/** Keeps so many commands busy, until there is a reason to end. */
class Shift {
  readonly #options: ShiftOptions
  readonly #busy = new Set<Promise<void>>()
  #begun = 0
  #failure: Error | undefined

  constructor(options: ShiftOptions) {
    this.#options = options
  }

  async run(): Promise<number> {
    const { call, ending } = this.#options
    const { concurrency, max = Number.POSITIVE_INFINITY } = call.options
    while (!ending.signal.aborted && this.#begun < max) {
      if (this.#busy.size >= concurrency) {
        await Promise.race(this.#busy)
        continue
      }
      const messages = await this.#poll(Math.min(concurrency - this.#busy.size, max - this.#begun))
      if (messages.length === 0 && this.#options.waitMs !== undefined && this.#busy.size === 0) break
      for (const message of messages) this.#begin(message)
    }
    await Promise.all(this.#busy)
    if (this.#failure !== undefined) throw this.#failure
    return this.#begun > 0 || ending.signal.aborted ? EXIT.done : EXIT.nothing
  }

  #begin(message: Message): void {
    const { call, worker, ending } = this.#options
    const { out } = call
    this.#begun++
    const busy = worker
      .work(message)
      .then(worked => (out.json ? out.value(worked) : undefined))
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error))
        ending.abort()
      })
      .finally(() => this.#busy.delete(busy))
    this.#busy.add(busy)
  }

  async #poll(max: number): Promise<Message[]> {
    const { call, queue, ending, waitMs = WAIT_MS, leaseMs } = this.#options
    // Nobody ends while a command runs: asking again and again at once would help nobody.
    const wait = this.#busy.size > 0 ? Math.max(waitMs, BUSY_WAIT_MS) : waitMs
    try {
      return await queue.poll({ channel: call.args[0]!, max, wait, lease: leaseMs, signal: ending.signal })
    } catch (error) {
      if (ending.signal.aborted && error instanceof DroprError && error.code === 'ABORTED') return []
      throw error
    }
  }
}
