import { LockDesk } from './lock-desk.ts'
import { askHolder, isDead, LockHeldError, type LockName, newestHolder, parseEpoch, socketPath } from './lock-holder.ts'
import type { Line, Listener } from './sockets.ts'
import type { System } from './system.ts'

export { findHolder, type Holder, LockHeldError, type LockName } from './lock-holder.ts'

/** Each lost race was won by somebody: this many in a row means that something else is wrong. */
const TRIES_MAX = 100

/** A lock that this process holds, and the service socket at which others find it. */
export interface Lock {
  /** Above that of every earlier holder, also across power cuts. What an earlier holder still says can be told by it. */
  readonly epoch: number
  /** Called with each line on which something else than "who are you" was asked; lines wait until it is set. */
  onConnection: (line: Line) => void
  /** Ends the lines and gives the lock away. Its file stays, so that its number is never used again. */
  release(): Promise<void>
}

export interface LockOptions extends LockName {
  /** What others are told about the holder: pid, role, spool id, since when. */
  about: unknown
  /** `onConnection`, from the beginning. */
  connected?: (line: Line) => void
}

/**
 * Takes a lock that ends with the process, whatever ends it.
 *
 * Node has no file lock, and pids are reused. So the lock is a socket: listen at a temporary name, then link it to
 * `<name>-<n+1>.sock`, where n is the highest number there is. The link succeeds for one. A dead process's socket refuses
 * connections; a stopped process's does not. Numbers are never used again: the newest dead file stays until a newer one is
 * there, and the name is synced before the number is used.
 *
 * @throws LockHeldError when somebody alive holds it.
 */
export async function acquireLock(system: System, options: LockOptions): Promise<Lock> {
  const { folder, name } = options
  const { files, random } = system
  const desk = new LockDesk(options.about)
  if (options.connected) desk.onConnection = options.connected
  const temporary = `${folder}/${name}-new-${random.bytes(6).toString('hex')}.sock`
  let listener: Listener | undefined
  try {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const dead = await highestDead(system, options)
      listener ??= await listenAt(system, { folder, path: temporary, desk })
      if (listener === undefined) continue
      const epoch = dead + 1
      const result = await tryLink(system, temporary, socketPath(options, epoch))
      if (result === 'gone') {
        await listener.close()
        listener = undefined
        continue
      }
      if (result === 'lost') continue
      // A contender that slept since it looked may take a number long removed. Who finds a higher one has lost.
      const newest = await newestHolder(system, options)
      if (newest !== epoch) {
        await files.remove(socketPath(options, epoch))
        continue
      }
      await files.syncFolder(folder)
      await files.remove(temporary)
      await removeOlder(system, options, epoch)
      desk.epoch = epoch
      return lockOf(desk, listener)
    }
    throw new Error(`lost ${TRIES_MAX} races for ${folder}/${name}`)
  } catch (error) {
    await listener?.close()
    await files.remove(temporary).catch(() => undefined)
    throw error
  }
}

/** Undefined: somebody tidying up took the name for a dead one's, in the moment between bind and listen. */
async function listenAt(
  { sockets, files }: System,
  { folder, path, desk }: { folder: string; path: string; desk: LockDesk }
): Promise<Listener | undefined> {
  try {
    return await sockets.listen(path, line => desk.connected(line))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || (await files.stat(folder)) === undefined) throw error
    return undefined
  }
}

function lockOf(desk: LockDesk, listener: Listener): Lock {
  let released: Promise<void> | undefined
  return {
    epoch: desk.epoch,
    get onConnection() {
      return desk.onConnection
    },
    set onConnection(callback) {
      desk.onConnection = callback
    },
    release() {
      released ??= listener.close()
      return released
    }
  }
}

/** The highest number, when its holder is dead; 0 when there was none. */
async function highestDead(system: System, lock: LockName): Promise<number> {
  const epoch = await newestHolder(system, lock)
  if (epoch === 0) return 0
  const answer = await askHolder(system, socketPath(lock, epoch))
  if (answer === 'dead') return epoch
  if (answer === 'silent') throw new LockHeldError(lock, epoch, undefined)
  answer.line.end()
  throw new LockHeldError(lock, epoch, answer.about)
}

/** `gone`: somebody tidying up took our temporary name for a dead one's, in the moment between bind and listen. */
async function tryLink(system: System, from: string, to: string): Promise<'won' | 'lost' | 'gone'> {
  try {
    await system.files.link(from, to)
    return 'won'
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST') return 'lost'
    if (code === 'ENOENT') return 'gone'
    throw error
  }
}

/**
 * Tidies up behind dead holders and contenders. The holder before us stays too: a contender that looked before we came finds
 * its number taken. Failing here must not cost the lock.
 */
async function removeOlder(system: System, lock: LockName, epoch: number): Promise<void> {
  const { files, log } = system
  try {
    for (const { name, kind } of await files.list(lock.folder)) {
      const path = `${lock.folder}/${name}`
      const other = parseEpoch(lock.name, name)
      if (other !== undefined && other < epoch - 1) await files.remove(path)
      const contender = kind === 'socket' && name.startsWith(`${lock.name}-new-`)
      if (contender && (await isDead(system, path))) await files.remove(path)
    }
  } catch (error) {
    log.warn({ code: (error as NodeJS.ErrnoException).code, folder: lock.folder }, 'old lock files stay')
  }
}
