import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf, killQuietly } from './processes.ts'

/** dist/bench/up.js stands two folders below the root. */
export const ROOT = path.resolve(import.meta.dirname, '../..')
const READY_MS_MAX = 20_000
const STOP_MS_MAX = 15_000

type Role = 'client' | 'server'

/** Nobody here asks a node for anything later: schedulers that are measured are the bench's own. */
const ROLES: readonly Role[] = ['client', 'server']

/** Nodes that run now: whatever ends this process, they end with it. */
const running = new Set<number>()

process.on('exit', () => {
  for (const pid of running) for (const one of [pid, ...childrenOf(pid).map(child => child.pid)]) killQuietly(one)
})

/** A node as a user has it who schedules nothing: `dropr up` in a process of its own, with its children. */
export class UpNode {
  readonly name: string
  readonly spool: string
  readonly port: number
  readonly #roles: readonly Role[]
  readonly #child: ChildProcess
  readonly #log: string

  private constructor(options: UpOptions, child: ChildProcess, log: string) {
    this.name = options.name
    this.spool = options.spool
    this.port = options.port
    this.#roles = options.roles ?? ROLES
    this.#child = child
    this.#log = log
  }

  /** Resolves when the server answers and all its roles are there. Rejects with what the node had to say. */
  static async start(options: UpOptions): Promise<UpNode> {
    mkdirSync(options.spool, { recursive: true, mode: 0o700 })
    writeFileSync(path.join(options.spool, 'dropr.json'), JSON.stringify({ peers: options.peers ?? {} }), {
      mode: 0o600
    })
    const log = `${options.spool}.log`
    const out = openSync(log, 'a', 0o600)
    const { roles = ROLES } = options
    const flags = ['--listen', `127.0.0.1:${options.port}`, '--roles', roles.join(',')]
    const child = spawn(
      process.execPath,
      [path.join(ROOT, 'bin/dropr.js'), 'up', '--node', options.name, '--spool', options.spool, ...flags],
      { stdio: ['ignore', out, out], cwd: path.dirname(options.spool) }
    )
    running.add(child.pid!)
    child.once('exit', () => running.delete(child.pid!))
    const node = new UpNode(options, child, log)
    await node.#ready()
    return node
  }

  /** The process that does `role` now; undefined while there is none. */
  pidOf(role: Role): number | undefined {
    return childrenOf(this.#child.pid!).find(child => child.command.includes(` role ${role} `))?.pid
  }

  /** Messages that wait at this node; 0 while it does not answer. */
  async depth(): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => undefined)
    const { depth = 0 } = answer === undefined ? {} : ((await answer.json()) as { depth?: number })
    return depth
  }

  /** The status of a poll of 100 over HTTP; 0 while nobody answers. */
  async poll(channel: string): Promise<number> {
    const ask = { method: 'POST', body: JSON.stringify({ channel, max: 100, lease: 1_000 }) }
    const headers = { 'content-type': 'application/json' }
    return await fetch(`http://127.0.0.1:${this.port}/v1/poll`, { ...ask, headers }).then(
      async answer => {
        await answer.arrayBuffer()
        return answer.status
      },
      () => 0
    )
  }

  /** What the node wrote, its end first when it is long. */
  log(): string {
    return readFileSync(this.#log, 'utf8').slice(-2_000)
  }

  /** Ends the node as `dropr stop` would; what does not end in time is killed, with its children. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const pids = childrenOf(this.#child.pid!).map(child => child.pid)
    const ended = new Promise<void>(resolve => this.#child.once('exit', () => resolve()))
    this.#child.kill('SIGTERM')
    const late = sleep(STOP_MS_MAX, 'late' as const, { ref: false })
    if ((await Promise.race([ended, late])) !== 'late') return
    this.#child.kill('SIGKILL')
    for (const pid of pids) killQuietly(pid)
  }

  async #ready(): Promise<void> {
    const until = performance.now() + READY_MS_MAX
    while (!((await this.#answers()) && this.#roles.every(role => this.pidOf(role)))) {
      if (this.#child.exitCode !== null || performance.now() > until) {
        await this.stop()
        throw new Error(`node ${this.name} did not start:\n${this.log()}`)
      }
      await sleep(50)
    }
  }

  async #answers(): Promise<boolean> {
    return fetch(`http://127.0.0.1:${this.port}/health`).then(
      answer => answer.ok,
      () => false
    )
  }
}

export interface UpOptions {
  name: string
  spool: string
  port: number
  peers?: Record<string, { url: string }>
  roles?: readonly Role[]
}

/** What `du` says of a folder. */
export function diskBytes(folder: string): number {
  return Number(execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t')[0]) * 1_024
}

/** Systems give connections that go out ports above these. */
const PORTS = { from: 20_000, count: 12_000 }
const PORT_TRIES = 100

/** A port that nobody listens on at this moment, and that nobody is given while a node that was killed comes back to it. */
export async function freePort(): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count)
    const server = net.createServer()
    const listening = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!listening && tries === PORT_TRIES) throw new Error(`no port is free from ${PORTS.from} on`)
    if (!listening) continue
    await new Promise(resolve => server.close(resolve))
    return port
  }
}
