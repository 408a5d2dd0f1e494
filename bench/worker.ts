import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'

type Script = 'send' | 'upload' | 'consume' | 'held' | 'claim' | 'scheduler' | 'touch'

/** A process that sends, consumes or holds, started by the bench; it answers with JSON lines. */
export class Worker {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  /** @param env Beside this process's own. */
  constructor(script: Script, job: object, env: Record<string, string> = {}) {
    const file = path.join(import.meta.dirname, `worker-${script}.js`)
    this.#child = spawn(process.execPath, [file, JSON.stringify(job)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env }
    })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  /** The next line the process writes. Rejects when it ended instead. */
  async answer<T>(): Promise<T> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the worker ended without an answer (exit code ${this.#child.exitCode})`)
    return JSON.parse(value)
  }

  /** Lets a process go on that waits for it. */
  go(): void {
    this.#child.stdin!.end('go\n')
  }

  /** Tells a process that takes one order after the other what to do next. */
  order(line: string): void {
    this.#child.stdin!.write(`${line}\n`)
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Wall time that several processes of one machine share, in ms with fractions. */
export const wallMs = (): number => performance.timeOrigin + performance.now()

/** In a worker: writes one answer. */
export function tell(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

/** In a worker: resolves when the bench says go. */
export async function told(): Promise<void> {
  for await (const _ of process.stdin) return
}

/** In a worker: what it is told to do, one after the other. */
export function orders(): AsyncIterable<string> {
  return createInterface({ input: process.stdin })
}
