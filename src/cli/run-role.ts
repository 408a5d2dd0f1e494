import type { RoleName } from '../angel/role.ts'
import { failureOf, runChild } from '../angel/run-child.ts'
import { ERRORS } from '../errors.ts'
import { spareBlocks } from '../journal/blocks.ts'
import { nodeParent } from '../system/child.ts'
import { COARSE, FINE, giveBackWhenQuiet, processHeap } from '../system/quiet-memory.ts'
import type { Call } from './act.ts'
import { type DaemonContext, openDaemonContext } from './daemon-context.ts'
import type { DaemonOptions } from './daemon-flags.ts'
import { onSignals } from './signals.ts'
import { startRole } from './start-role.ts'
import { UsageError } from './usage-error.ts'

/** One daemon, under its angel. */
export async function runRole(call: Call<DaemonOptions>): Promise<number> {
  const role = call.args[0] as RoleName
  const parent = nodeParent()
  if (!parent) throw new UsageError('`dropr role` is started by `dropr up` only')
  const terminate = new AbortController()
  onSignals(['SIGTERM'], () => terminate.abort())
  // Ctrl-C reaches the whole group: the angel decides what it means.
  onSignals(['SIGINT', 'SIGHUP'], () => undefined)
  try {
    const context = await openDaemonContext(call, role)
    const { system, config } = context
    tellBugs(context, error => parent.send({ say: 'failed', failure: failureOf(error) }))
    const start = () => startRole(role, context)
    const heap = processHeap(spareBlocks)
    const thrift = role === 'scheduler' ? COARSE : FINE
    if (heap !== undefined) void giveBackWhenQuiet(system.clock, heap, terminate.signal, thrift)
    return await runChild({ system, limits: config.limits, parent, terminate: terminate.signal, start })
  } catch (error) {
    const failure = failureOf(error)
    parent.send({ say: 'failed', failure })
    return ERRORS[failure.code].exit
  }
}

/** What nobody caught ends the process, as it should; the log and the angel hear why. */
function tellBugs({ system }: DaemonContext, tell: (error: unknown) => void): void {
  process.on('uncaughtException', error => {
    system.log.error({ code: 'UNEXPECTED', err: error }, 'a bug: this daemon ends')
    tell(error)
    process.exit(ERRORS.UNEXPECTED.exit)
  })
}
