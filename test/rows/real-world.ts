import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { childrenOf, killQuietly } from '../../bench/processes.ts'
import { freePort } from '../../bench/up.ts'
import { type ConfigGiven, openQueue, type Queue } from '../../src/index.ts'

export const ROOT = path.resolve(import.meta.dirname, '../..')
/** The command and the library as they are installed: `npm run build` comes first. */
export const BIN = path.join(ROOT, 'bin/dropr.js')
const LIBRARY = pathToFileURL(path.join(ROOT, 'dist/lib/index.js')).href
const DIE = pathToFileURL(path.join(import.meta.dirname, 'die.mjs')).href

/** How often the processes of a role die, and where: see die.mjs. `within`: among how many calls of the file system. */
export interface Deaths {
  reply?: number
  call?: number
  within?: number
}

export interface NodeOptions {
  /** What stands in the spool's dropr.json. */
  config?: ConfigGiven
  roles?: string
  flags?: string[]
  deaths?: { client?: Deaths; server?: Deaths }
}

/** Short waits, so that what is tried again is tried soon. */
export const QUICK = { retryMsMin: 20, retryMsMax: 1_000, restartMsMin: 10, restartMsMax: 100, scanMs: 500 } as const

/** Real processes on real files in a folder of their own; `end` leaves nothing behind. */
export class RealWorld {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'dropr-rows-'))
  readonly #closers: (() => unknown)[] = []

  onEnd(close: () => unknown): void {
    this.#closers.push(close)
  }

  async end(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  spool(name: string): string {
    return path.join(this.folder, name)
  }

  /** `dropr up`, once its daemons work. */
  async up(name: string, options: NodeOptions = {}): Promise<RealNode> {
    const node = new RealNode(this, name, options)
    await node.start()
    return node
  }

  async queue(name: string, config: ConfigGiven = {}): Promise<Queue> {
    const queue = await openQueue({ spool: this.spool(name), config })
    this.onEnd(() => queue.close({ within: '1s' }).catch(() => undefined))
    return queue
  }

  /** A process that runs `text` as a module with `openQueue` and more of the library at hand. */
  program(text: string, options: { args?: string[]; deaths?: Deaths } = {}): Program {
    const { args = [], deaths } = options
    const imports = `import { openQueue, startNode, Reject } from '${LIBRARY}'\nconst args = process.argv.slice(1)\n`
    const env = deaths === undefined ? process.env : this.#envOf({ app: deaths })
    const child = spawn(process.execPath, ['--input-type=module', '--eval', imports + text, '--', ...args], {
      cwd: this.folder,
      env,
      stdio: 'pipe'
    })
    this.onEnd(() => child.kill('SIGKILL'))
    return new Program(child)
  }

  /** How often the processes of a role have died at a place, as `deaths` told them to. */
  deathsOf(role: 'client' | 'server' | 'app', place: 'reply' | 'call', of = ''): number {
    return statSync(path.join(this.folder, `${of}deaths`, `${role}-${place}`), { throwIfNoEntry: false })?.size ?? 0
  }

  envOf(deaths: NodeOptions['deaths'], of = ''): NodeJS.ProcessEnv {
    return deaths === undefined ? process.env : this.#envOf(deaths, of)
  }

  #envOf(deaths: object, of = ''): NodeJS.ProcessEnv {
    const folder = path.join(this.folder, `${of}deaths`)
    mkdirSync(folder, { recursive: true })
    const plan = JSON.stringify({ folder, ...deaths })
    return { ...process.env, DROPR_TEST_DEATHS: plan, NODE_OPTIONS: `--import ${DIE}` }
  }
}

/** A process of a test, and what it printed. */
export class Program {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  stdout = ''
  stderr = ''

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout!.on('data', chunk => {
      this.stdout += String(chunk)
    })
    child.stderr!.on('data', chunk => {
      this.stderr += String(chunk)
    })
    this.ended = new Promise(resolve => {
      child.once('close', code => resolve(code))
    })
  }

  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1)
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Waits until it has printed `text`. */
  async printed(text: string): Promise<void> {
    await until(() => {
      if (this.stdout.includes(text)) return true
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`ended: ${this.stderr}`)
      return false
    })
  }
}

/** A node as a user has it. */
export class RealNode {
  readonly name: string
  readonly spool: string
  readonly #world: RealWorld
  readonly #options: NodeOptions
  /** Kept over restarts of the server. */
  port = 0
  #program!: Program

  constructor(world: RealWorld, name: string, options: NodeOptions) {
    this.name = name
    this.spool = world.spool(name)
    this.#world = world
    this.#options = options
  }

  async start(): Promise<void> {
    const { config, roles, flags = [], deaths } = this.#options
    mkdirSync(this.spool, { recursive: true, mode: 0o700 })
    if (config) writeFileSync(path.join(this.spool, 'dropr.json'), JSON.stringify(config), { mode: 0o600 })
    // Not 0: the server of the next life must be found where the last one was.
    this.port ||= await freePort()
    const args = ['up', '--spool', this.spool, '--node', this.name, '--listen', `127.0.0.1:${this.port}`, ...flags]
    if (roles !== undefined) args.push('--roles', roles)
    const env = this.#world.envOf(deaths, this.name)
    const child = spawn(process.execPath, [BIN, ...args], { cwd: this.#world.folder, env, stdio: 'pipe' })
    this.#program = new Program(child)
    this.#world.onEnd(() => this.stop())
    await until(() => this.log.includes('dropr is up') || child.exitCode !== null)
    if (child.exitCode !== null) throw new Error(`dropr up ended: ${this.log}`)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get log(): string {
    return this.#program.stderr
  }

  get pid(): number {
    return this.#program.child.pid!
  }

  /** The process that does `role` now; undefined while there is none. */
  pidOf(role: 'client' | 'server'): number | undefined {
    return childrenOf(this.pid).find(child => child.command.includes(` role ${role}`))?.pid
  }

  /** What the client daemon last wrote of a peer. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  peer(name: string): any {
    try {
      const { peers } = JSON.parse(readFileSync(path.join(this.spool, 'run/client.json'), 'utf8'))
      return peers.find((peer: { name: string }) => peer.name === name)
    } catch {
      return undefined
    }
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null> {
    const { child, ended } = this.#program
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const pids = childrenOf(this.pid).map(found => found.pid)
    for (const pid of pids) signalQuietly(pid, 'SIGCONT')
    child.kill('SIGTERM')
    const late = pause(8_000, 'late' as const, { ref: false })
    const code = await Promise.race([ended, late])
    if (code !== 'late') return code
    child.kill('SIGKILL')
    for (const pid of pids) killQuietly(pid)
    return ended
  }
}

export function signalQuietly(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal)
  } catch {}
}

/** Looks until it holds, in real time; the test's own time limit is the bound where none is given. */
export async function until(holds: () => boolean | Promise<boolean>, msMax = 60_000): Promise<void> {
  const end = performance.now() + msMax
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not so after ${msMax} ms: ${holds.toString()}`)
    await pause(5)
  }
}

/** Polls and acknowledges until there are `count` messages, or nothing has come for `idle` ms. */
export async function take(queue: Queue, channel: string, count: number, idle = 10_000): Promise<TakenMessage[]> {
  const taken: TakenMessage[] = []
  while (taken.length < count) {
    const messages = await queue.poll({ channel, max: 1_000, wait: idle })
    if (messages.length === 0) break
    await Promise.all(messages.map(message => message.ack()))
    taken.push(...messages.map(message => ({ id: message.id, body: message.text(), deliveries: message.deliveries })))
  }
  return taken
}

export interface TakenMessage {
  id: string
  body: string
  deliveries: number
}

export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i))
}
