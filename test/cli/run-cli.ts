import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { main } from '../../src/cli/main.ts'

/** The command as it is installed: `npm run build` comes first. */
const BIN = path.resolve(import.meta.dirname, '../../bin/dropr.js')

export interface Ran {
  code: number | null
  stdout: Buffer
  stderr: string
}

/** A spool of its own for each test, and what was started on it; `end` leaves nothing behind. */
export class CliWorld {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'dropr-cli-'))
  readonly spool = path.join(this.folder, 'spool')
  readonly #children = new Set<ChildProcess>()
  #daemons = false

  /** Runs a command to its end: in this process, which saves half a second of work each. Daemons have their own. */
  async run(args: string[], input: string | Buffer = ''): Promise<Ran> {
    if (args[0] === 'up') return await this.exec(args, input)
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const stdin = Readable.from([Buffer.from(input)])
    const env = { ...process.env, DROPR_SPOOL: this.spool }
    const code = main(args, { stdin, stdout, stderr, env, cwd: () => this.folder })
    const printed = [stdout, stderr].map(async stream => Buffer.concat(await stream.toArray()))
    void code.finally(() => [stdout, stderr].map(stream => stream.end())).catch(() => undefined)
    const [bytes, text] = await Promise.all(printed)
    return { code: await code, stdout: bytes!, stderr: text!.toString() }
  }

  /** As `run`, with a process of its own: for claims that are about processes. */
  exec(args: string[], input?: string | Buffer): Promise<Ran> {
    const child = this.start(args)
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout!.on('data', chunk => stdout.push(chunk))
    child.stderr!.on('data', chunk => {
      stderr += chunk
    })
    child.stdin!.on('error', () => undefined)
    child.stdin!.end(input ?? '')
    return new Promise(resolve => {
      child.once('close', code => resolve({ code, stdout: Buffer.concat(stdout), stderr }))
    })
  }

  /** As `run`, for commands that print one JSON value. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  async json(args: string[]): Promise<{ code: number | null; value: any }> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    const text = stdout.toString()
    if (text === '') throw new Error(`nothing was printed: ${stderr}`)
    return { code, value: JSON.parse(text) }
  }

  start(args: string[]): ChildProcess {
    this.#daemons ||= args[0] === 'up'
    const env = { ...process.env, DROPR_SPOOL: this.spool }
    const child = spawn(process.execPath, [BIN, ...args], { cwd: this.folder, env, stdio: 'pipe' })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** `dropr up` in the foreground, once its daemons work. */
  async up(...flags: string[]): Promise<{ process: ChildProcess; exit: Promise<number | null>; log: () => string }> {
    const child = this.start(['up', '--listen', '127.0.0.1:0', ...flags])
    let log = ''
    child.stderr!.on('data', chunk => {
      log += chunk
    })
    const exit = new Promise<number | null>(resolve => {
      child.once('exit', code => resolve(code))
    })
    await until(() => log.includes('dropr is up') || child.exitCode !== null)
    if (child.exitCode !== null) throw new Error(`dropr up ended: ${log}`)
    return { process: child, exit, log: () => log }
  }

  async end(): Promise<void> {
    if (this.#daemons) await this.run(['stop', '--within', '15s'])
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Looks until it holds; the test's own time limit is the bound. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(10)
}

/** A process that has ended and whose end nobody asked for (a container without an init) is not alive. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
