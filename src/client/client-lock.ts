import { DroprError, diskError } from '../errors.ts'
import type { Spool } from '../spool/spool.ts'
import { acquireLock, type Lock, LockHeldError } from '../system/lock.ts'

/** The lock of the one client of a spool. @throws DroprError DAEMON_RUNNING with the pid of who has it. */
export async function lockSpool(spool: Spool): Promise<Lock> {
  await spool.folders.ensure(spool.run)
  const about = { role: 'client', pid: process.pid, spool: spool.id, since: spool.system.clock.now() }
  try {
    return await acquireLock(spool.system, { folder: spool.run, name: 'client', about })
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw diskError(error, `take the lock of the client of ${spool.path}`)
    const { pid } = (error.about ?? {}) as { pid?: unknown }
    const who = typeof pid === 'number' ? `pid ${pid}` : 'a process that does not answer'
    throw new DroprError('DAEMON_RUNNING', `${spool.path} has a client already: ${who}`, error)
  }
}
