import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Message,
  type Node,
  type NodeOptions,
  openQueue,
  type Queue,
  type QueueOptions,
  startNode
} from '../../src/index.ts'
import type { MemoryFiles } from '../conformance/memory-files.ts'
import { memoryFor, type Store } from './stores.ts'

/** The program that a test runs as another process; it uses what `npm run build` made. */
const CHILD = path.join(import.meta.dirname, 'child.mjs')

/** Real files, real sockets on loopback, real processes, in a folder of their own; `end` leaves nothing behind. */
export class RealNodes {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'dropr-rows-'))
  readonly #open: { close(options?: { within?: string }): Promise<void> }[] = []
  readonly #children = new Set<ChildProcess>()
  readonly #memories = new Map<string, Promise<MemoryFiles>>()
  /** Where messages lie from now on: a memory each spool, for as long as the test runs. */
  store: Store = 'files'

  spool(name: string): string {
    return path.join(this.folder, name)
  }

  /** A whole node in this process, listening where there is room. */
  async node(name: string, options: NodeOptions = {}): Promise<Node> {
    const config = { listen: 0, ...options.config } as NonNullable<NodeOptions['config']>
    return this.#keep(await startNode({ ...(await this.#place(name)), node: name, ...options, config }))
  }

  async queue(name: string, options: QueueOptions = {}): Promise<Queue> {
    return this.#keep(await openQueue({ ...(await this.#place(name)), node: name, ...options }))
  }

  /** Runs child.mjs to its end and gives what it printed, and the signal it died of. */
  child(
    args: readonly (string | number)[],
    as: { uid?: number } = {}
  ): Promise<{ lines: string[]; signal: string | null }> {
    const child = spawn(process.execPath, [CHILD, ...args.map(String)], { stdio: 'pipe', cwd: this.folder, ...as })
    this.#children.add(child)
    let text = ''
    let errors = ''
    child.stdout.on('data', chunk => {
      text += chunk
    })
    child.stderr.on('data', chunk => {
      errors += chunk
    })
    return new Promise((resolve, reject) => {
      child.once('close', (code, signal) => {
        this.#children.delete(child)
        if (code === 0 || signal === 'SIGKILL') resolve({ lines: text.split('\n').slice(0, -1), signal })
        else reject(new Error(`child ended with ${code ?? signal}: ${errors}`))
      })
    })
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const opened of this.#open.splice(0).toReversed()) await opened.close({ within: '1s' })
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #place(name: string): Promise<{ spool: string; storage?: MemoryFiles }> {
    const spool = this.spool(name)
    if (this.store === 'files') return { spool }
    const memory = this.#memories.get(name) ?? memoryFor(spool)
    this.#memories.set(name, memory)
    return { spool, storage: await memory }
  }

  #keep<T extends { close(): Promise<void> }>(opened: T): T {
    this.#open.push(opened)
    return opened
  }
}

/** Polls until `count` messages are there, and acknowledges them. */
export async function take(queue: Queue, count: number, channel = 'common'): Promise<Message[]> {
  const got: Message[] = []
  while (got.length < count) {
    const messages = await queue.poll({ channel, max: Math.min(10_000, count - got.length), wait: '20s' })
    if (messages.length === 0) throw new Error(`${got.length} of ${count} messages came`)
    await Promise.all(messages.map(message => message.ack()))
    got.push(...messages)
  }
  return got
}

/** The value below which the share `p` of `numbers` lies. */
export function percentile(numbers: readonly number[], p: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]!
}
