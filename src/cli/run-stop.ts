import { join } from 'node:path'
import { askDesk } from '../angel/desk.ts'
import { findDaemons, findRole, whoIs } from '../angel/hold.ts'
import { ROLES } from '../angel/role.ts'
import { durationMs } from '../duration.ts'
import { DroprError } from '../errors.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import type { StopOptions } from './stop.ts'
import { usage } from './usage-error.ts'

/** How often to look whether the last of them has gone. */
const LOOK_MS = 20

export async function runStop({ options, out, spool }: Call<StopOptions>): Promise<number> {
  const withinMs = usage(() => durationMs(options.within, '--within'))
  const system = nodeSystem()
  const about = await stopDaemons(system, { spool, withinMs })
  if (out.json) await out.value({ spool, ran: about !== undefined, pid: pidOf(about) ?? null })
  else await out.line(about === undefined ? `no daemons work on ${spool}` : `stopped ${whoIs(about)}`)
  return EXIT.done
}

/**
 * Asks the daemons to end and waits until none of their processes is left, also those of an angel that died.
 *
 * @returns What they said about themselves; undefined when none ran.
 * @throws DroprError DAEMON_RUNNING when they are still there after `withinMs`.
 */
async function stopDaemons(system: System, stop: { spool: string; withinMs: number }): Promise<unknown> {
  const { clock } = system
  const run = join(stop.spool, 'run')
  const endsAt = clock.ticks() + stop.withinMs
  const leftMs = () => Math.max(0, endsAt - clock.ticks())
  const late = (about: unknown) =>
    new DroprError('DAEMON_RUNNING', `${stop.spool}: ${whoIs(about)} is still there after ${stop.withinMs} ms`)
  const holder = await findDaemons(system, run)
  let about = holder?.about
  if (holder) {
    about ??= {}
    const gone = new AbortController()
    await askDesk(holder.line, 'stop', { system, ms: leftMs() })
    holder.line.onEnd = () => gone.abort()
    await clock.sleep(leftMs(), gone.signal)
    if (!gone.signal.aborted) throw late(holder.about)
  }
  for (const role of ROLES) {
    for (let left = await findRole(system, run, role); left; left = await findRole(system, run, role)) {
      left.line.end()
      about ??= left.about
      if (leftMs() === 0) throw late(left.about)
      await clock.sleep(LOOK_MS)
    }
  }
  return about
}

function pidOf(about: unknown): unknown {
  return typeof about === 'object' && about !== null && 'pid' in about ? about.pid : undefined
}
