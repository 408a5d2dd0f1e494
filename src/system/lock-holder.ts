import type { Line } from './sockets.ts'
import type { System } from './system.ts'

/** How long a holder may take to say who it is. One that is stopped never does, and is a holder all the same. */
const ANSWER_MS_MAX = 2_000

/** How often a line may be cut while we ask, and how long to wait before the next. */
const CUT_MAX = 5
const CUT_MS = 50

/** The one question that a lock answers by itself. */
export const ABOUT_QUESTION = '{"ask":"about"}'

export interface LockName {
  /** An absolute path. It must exist; 0700. */
  folder: string
  /** Letters, digits and hyphens. */
  name: string
}

export interface Holder {
  epoch: number
  /** What the holder said about itself; undefined when it did not answer in time. */
  about: unknown
  /** An open line to it; set `onMessage` and `onEnd` at once. */
  line: Line
}

/** Somebody alive holds the lock. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError'
  readonly code = 'LOCK_HELD'
  readonly epoch: number
  /** What the holder said about itself; undefined when it did not answer in time (stopped, or very busy). */
  readonly about: unknown

  constructor(lock: LockName, epoch: number, about: unknown) {
    const who = about === undefined ? 'a process that does not answer' : JSON.stringify(about)
    super(`${socketPath(lock, epoch)} is held by ${who}`)
    this.epoch = epoch
    this.about = about
  }
}

/** A line to whoever holds the lock. Undefined when nobody does. Rejects with EAGAIN when it lives but takes no calls. */
export async function findHolder(system: System, lock: LockName): Promise<Holder | undefined> {
  const epoch = await newestHolder(system, lock)
  if (epoch === 0) return undefined
  const answer = await askHolder(system, socketPath(lock, epoch))
  if (answer === 'dead') return undefined
  if (answer !== 'silent') return { epoch, ...answer }
  const error: NodeJS.ErrnoException = new Error(`the holder of ${socketPath(lock, epoch)} takes no calls`)
  error.code = 'EAGAIN'
  throw error
}

/** The highest number in the folder, dead or alive; 0 when there is none. */
export async function newestHolder(system: System, lock: LockName): Promise<number> {
  let newest = 0
  for (const entry of await system.files.list(lock.folder)) {
    newest = Math.max(newest, parseEpoch(lock.name, entry.name) ?? 0)
  }
  return newest
}

export function socketPath(lock: LockName, epoch: number): string {
  return `${lock.folder}/${lock.name}-${epoch}.sock`
}

/** The number in a lock's file name. Undefined for any other name. */
export function parseEpoch(lockName: string, fileName: string): number | undefined {
  if (!fileName.startsWith(`${lockName}-`) || !fileName.endsWith('.sock')) return undefined
  const digits = fileName.slice(lockName.length + 1, -'.sock'.length)
  return /^[1-9][0-9]{0,14}$/.test(digits) ? Number(digits) : undefined
}

/** Asks who is there: `dead` when nobody, `silent` when alive but with no ear for us. */
export async function askHolder(
  system: System,
  path: string
): Promise<{ about: unknown; line: Line } | 'dead' | 'silent'> {
  for (let tries = 0; tries < CUT_MAX; tries++) {
    const line = await call(system, path)
    if (typeof line === 'string') return line
    const answer = await ask(system, line)
    if (answer !== 'cut') return { about: answer?.about, line }
    // It died or let go, and refuses from now on; or it lives and is out of descriptors. Only refusing counts as dead.
    await system.clock.sleep(CUT_MS)
  }
  return 'silent'
}

/** Whether connecting is refused, without a question. */
export async function isDead(system: System, path: string): Promise<boolean> {
  const line = await call(system, path)
  if (typeof line !== 'string') line.end()
  return line === 'dead'
}

async function call(system: System, path: string): Promise<Line | 'dead' | 'silent'> {
  try {
    return await system.sockets.connect(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // ENOENT: it was removed since we looked, and only dead ones are.
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'dead'
    if (code === 'EAGAIN') return 'silent'
    throw error
  }
}

function ask(system: System, line: Line): Promise<{ about: unknown } | 'cut' | undefined> {
  const answered = new AbortController()
  return new Promise(resolve => {
    const answer = (value: { about: unknown } | 'cut' | undefined) => {
      resolve(value)
      // Without a reason abort() makes an error, and its stack, each time.
      answered.abort(null)
    }
    line.onMessage = text => answer(parseAnswer(text))
    line.onEnd = () => answer('cut')
    line.send(ABOUT_QUESTION)
    void system.clock.sleep(ANSWER_MS_MAX, answered.signal).then(() => answer(undefined))
  })
}

function parseAnswer(text: string): { about: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'about' in value ? { about: value.about } : undefined
  } catch {
    return undefined
  }
}
