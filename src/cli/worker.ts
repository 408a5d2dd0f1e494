import { DroprError, systemCode } from '../errors.ts'
import type { Message } from '../queue/message.ts'
import type { Clock } from '../system/clock.ts'
import { type CommandOptions, type RunningCommand, startCommand } from '../system/command.ts'
import { UsageError } from './usage-error.ts'
import { workEnv } from './work-env.ts'
import { Tail, verdictOf, type WorkVerdict } from './work-verdict.ts'
import type { WorkerStatus } from './worker-board.ts'

/** A reason is for people. */
const TAIL_BYTES = 800
/** As JSON text it may take 4,096 bytes. */
const RESULT_BYTES_MAX = 4_000

export interface WorkerOptions {
  command: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  clock: Clock
  leaseMs: number
  /** Commands that were told to end, and have not, are killed. */
  graceMs: number
  releaseAfterMs: number
  /** Keep the standard output as the result. */
  result: boolean
  /** Its standard output goes to our standard error: ours is for JSON. */
  json: boolean
  onStderr: (chunk: Buffer) => void
}

/** What became of one message. */
export interface Worked {
  id: string
  exit: number | undefined
  signal: NodeJS.Signals | undefined
  verdict: 'ack' | 'release' | 'retry' | 'lost'
  ms: number
}

/** Runs one command for each message it is given. */
export class Worker {
  readonly #options: WorkerOptions
  /** With their messages, and since when, wall ms. */
  readonly #running = new Map<RunningCommand, { id: string; since: number }>()
  #finished = 0
  /** Told to end: what fails now is not the message's fault. */
  #stopping = false

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /**
   * Resolves when the verdict is durable.
   *
   * @throws UsageError when the command cannot be started; the message is given back.
   */
  async work(message: Message): Promise<Worked> {
    const { clock } = this.#options
    const began = clock.ticks()
    const stderr = new Tail(TAIL_BYTES)
    const stdout: Buffer[] = []
    const running = startCommand(this.#commandOf(message, stderr, stdout))
    this.#running.set(running, { id: message.id, since: clock.now() })
    // A signal may have come before there was anything to pass it on to.
    if (this.#stopping) running.kill('SIGTERM')
    const ended = new AbortController()
    const lost = () => void this.#end(running, 'SIGTERM', ended.signal)
    message.signal.addEventListener('abort', lost)
    const renewing = this.#renew(message, ended.signal)
    const exit = await running.ended
    ended.abort()
    message.signal.removeEventListener('abort', lost)
    this.#running.delete(running)
    await renewing
    const stopping = this.#stopping
    const verdict = this.#judge(verdictOf(exit, { tail: stderr.text, stopping }), stdout)
    const said = await this.#settle(message, verdict, stdout)
    this.#finished++
    return { id: message.id, exit: exit.code, signal: exit.signal, verdict: said, ms: clock.ticks() - began }
  }

  /** What it is at, for `dropr top`. */
  status(): Pick<WorkerStatus, 'finished' | 'running'> {
    const running = [...this.#running].map(([{ pid }, { id, since }]) => ({ id, pid, since }))
    return { finished: this.#finished, running }
  }

  /** Passes a signal on to all commands; those that do not end are killed after `graceMs`. */
  stop(signal: NodeJS.Signals): void {
    const again = this.#stopping
    this.#stopping = true
    for (const running of this.#running.keys()) {
      const ended = new AbortController()
      void running.ended.then(() => ended.abort())
      if (again) running.kill('SIGKILL')
      else void this.#end(running, signal, ended.signal)
    }
  }

  #commandOf(message: Message, stderr: Tail, stdout: Buffer[]): CommandOptions {
    const { command, args, env, result, json, onStderr } = this.#options
    return {
      command,
      args,
      env: workEnv(message, env),
      input: message.bytes(),
      stdout: result ? 'pipe' : json ? 'stderr' : 'inherit',
      onStdout: chunk => {
        // One chunk too many is enough to know that it is too much.
        if (bytesOf(stdout) <= RESULT_BYTES_MAX) stdout.push(chunk)
      },
      onStderr: chunk => {
        stderr.add(chunk)
        onStderr(chunk)
      }
    }
  }

  #judge(verdict: WorkVerdict, stdout: Buffer[]): WorkVerdict {
    if (verdict.verdict !== 'ack' || bytesOf(stdout) <= RESULT_BYTES_MAX) return verdict
    return { verdict: 'retry', reason: `its standard output has more than ${RESULT_BYTES_MAX} bytes` }
  }

  async #settle(message: Message, verdict: WorkVerdict, stdout: Buffer[]): Promise<Worked['verdict']> {
    const { result, releaseAfterMs, command } = this.#options
    try {
      switch (verdict.verdict) {
        case 'ack':
          await message.ack(result ? Buffer.concat(stdout).toString() : undefined)
          return 'ack'
        case 'retry':
          await message.retry({ reason: verdict.reason })
          return 'retry'
        case 'release':
          await message.release(this.#stopping ? undefined : { after: releaseAfterMs })
          return 'release'
        case 'stop': {
          await message.release()
          const code = systemCode(verdict.error) ?? verdict.error.message
          throw new UsageError(`cannot run ${command}: ${code}`, { cause: verdict.error })
        }
      }
    } catch (error) {
      if (error instanceof DroprError && error.code === 'LEASE_LOST') return 'lost'
      throw error
    }
  }

  /** Twice in a lease, and once more in case one fails. */
  async #renew(message: Message, ended: AbortSignal): Promise<void> {
    const { clock, leaseMs } = this.#options
    for (;;) {
      await clock.sleep(Math.min(leaseMs / 3, 3_600_000), ended)
      if (ended.aborted || message.signal.aborted) return
      // When it is lost the signal says so; else the next renewal comes soon enough.
      await message.extend(leaseMs).catch(() => undefined)
    }
  }

  async #end(running: RunningCommand, signal: NodeJS.Signals, ended: AbortSignal): Promise<void> {
    const { clock, graceMs } = this.#options
    running.kill(signal)
    await clock.sleep(graceMs, ended)
    if (!ended.aborted) running.kill('SIGKILL')
  }
}

function bytesOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}
