import { DroprError, systemCode } from '../errors.ts'
import { acquireLock, findHolder, type Holder, type Lock, LockHeldError, type LockName } from '../system/lock.ts'
import type { System } from '../system/system.ts'
import type { RoleName } from './role.ts'

/** Of these one set works on a spool. The lock's socket is also where they are asked how they are, and to stop. */
const DAEMONS = 'angel'

/** A daemon whose angel died is gone after 5 s; then it is looked at so often. */
const ROLE_WAIT_MS_MAX = 10_000
const ROLE_LOOK_MS = 50

/** What the daemons of a spool say to everybody who asks who holds it. */
export interface About {
  pid: number
  /** Wall time, ms. */
  startedAt: number
  version: string
  node: string
  /** The spool's path, as the holder sees it. */
  spool: string
  /** The nodes it sends to, by name: their URLs, never their tokens. */
  peerUrls: Record<string, string>
}

/** Takes the spool for these daemons. @throws DroprError DAEMON_RUNNING with the pid of who has it. */
export async function holdSpool(system: System, hold: { run: string; about: About }): Promise<Lock> {
  try {
    return await acquireLock(system, { folder: hold.run, name: DAEMONS, about: hold.about })
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error
    throw new DroprError('DAEMON_RUNNING', `${hold.about.spool} is worked on by ${whoIs(error.about)}`, error)
  }
}

/** The daemons of a spool, asked from outside. Undefined when none run. */
export function findDaemons(system: System, run: string): Promise<Holder | undefined> {
  return find(system, { folder: run, name: DAEMONS })
}

/**
 * Takes a role for this process. It waits for one whose angel died and which is still ending: two never work side by side.
 *
 * @throws DroprError DAEMON_RUNNING when that one does not end.
 */
export async function holdRole(system: System, hold: { run: string; role: RoleName; about: object }): Promise<Lock> {
  const lock = { ...roleLock(hold.run, hold.role), about: hold.about }
  const giveUpAt = system.clock.ticks() + ROLE_WAIT_MS_MAX
  for (;;) {
    try {
      return await acquireLock(system, lock)
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error
      if (system.clock.ticks() >= giveUpAt) {
        throw new DroprError('DAEMON_RUNNING', `another ${hold.role} daemon does not end: ${whoIs(error.about)}`, error)
      }
      await system.clock.sleep(ROLE_LOOK_MS)
    }
  }
}

/** The process of one role, which may outlive its angel by 5 s. */
export function findRole(system: System, run: string, role: RoleName): Promise<Holder | undefined> {
  return find(system, roleLock(run, role))
}

/** `process 4711 (since 2026-11-21T23:00:00.000Z)`, from what a holder said about itself. */
export function whoIs(about: unknown): string {
  if (typeof about !== 'object' || about === null || !('pid' in about)) return 'a process that does not answer'
  const since = 'startedAt' in about && typeof about.startedAt === 'number' ? about.startedAt : undefined
  return `process ${String(about.pid)}${since === undefined ? '' : ` (since ${new Date(since).toISOString()})`}`
}

function roleLock(run: string, role: RoleName): LockName {
  return { folder: run, name: `role-${role}` }
}

async function find(system: System, lock: LockName): Promise<Holder | undefined> {
  try {
    return await findHolder(system, lock)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined // no such spool: nobody works on it
    throw error
  }
}
