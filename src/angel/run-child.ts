import { DroprError, ERRORS } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Parent } from '../system/child.ts'
import type { Log } from '../system/log.ts'
import type { System } from '../system/system.ts'
import { beatMs } from './heartbeat.ts'
import type { Role } from './role.ts'
import { asSaid, type Failure, type ToAngel, type ToChild } from './talk.ts'

/** A child whose angel died is gone within 5 s: so long for its work, the rest for ending. */
const ORPHAN_MS_MAX = 4_000

export interface RunChildOptions {
  system: Pick<System, 'clock' | 'log'>
  limits: Limits
  parent: Parent
  /** Aborts on SIGTERM. */
  terminate: AbortSignal
  start: () => Promise<Role>
}

/**
 * The child's side of the angel's care: starts the role, beats, ends when told to or when the angel is dead.
 *
 * @returns The exit code: 0 when the role could finish.
 */
export async function runChild(options: RunChildOptions): Promise<number> {
  const { system, parent, start } = options
  const say = (said: ToAngel) => parent.send(said)
  const over = new AbortController()
  let role: Role | undefined
  const full = new AbortController()
  const terminate = AbortSignal.any([options.terminate, full.signal])
  const stop = stopAsked({ ...options, terminate }, said => {
    if (said.say === 'status') say({ say: 'status', n: said.n, status: role?.status() ?? null })
    if (said.say === 'reload' && role !== undefined) void reloadRole(role, system.log)
  })
  void beat(options, () => wellOf(role, options, full), over.signal)
  try {
    const starting = start()
    const first = await Promise.race([starting, stop])
    if (typeof first === 'number') {
      // Told to stop while starting: nothing is in hand yet.
      void starting.then(started => started.close({ withinMs: 0 })).catch(() => undefined)
      return 0
    }
    role = first
    say({ say: 'ready', facts: role.facts() })
    return await close({ role, withinMs: await stop, options })
  } catch (error) {
    const failure = failureOf(error)
    system.log.error({ code: failure.code, err: error }, failure.text)
    say({ say: 'failed', failure })
    return ERRORS[failure.code].exit
  } finally {
    over.abort()
  }
}

/** Resolves with the time there is to finish, once somebody wants us to end. */
function stopAsked(options: RunChildOptions, hear: (said: ToChild) => void): Promise<number> {
  const { parent, terminate, limits, system } = options
  return new Promise(resolve => {
    parent.onMessage(message => {
      const said = asSaid<ToChild>(message)
      if (said?.say === 'stop') resolve(said.withinMs)
      else if (said !== undefined) hear(said)
    })
    parent.onGone(() => {
      system.log.warn({}, 'the angel is gone: this daemon ends')
      resolve(Math.min(limits.graceMs, ORPHAN_MS_MAX))
    })
    const terminated = () => resolve(limits.graceMs)
    if (terminate.aborted) terminated()
    else terminate.addEventListener('abort', terminated, { once: true })
  })
}

async function close(end: { role: Role; withinMs: number; options: RunChildOptions }): Promise<number> {
  const { clock, log } = end.options.system
  const closed = end.role.close({ withinMs: end.withinMs }).then(() => 'closed' as const)
  // A quarter more than it was given: a role that watches its time needs no force.
  const late = clock.sleep(end.withinMs * 1.25).then(() => 'late' as const)
  if ((await Promise.race([closed, late])) === 'closed') return 0
  closed.catch(() => undefined)
  log.error({ withinMs: end.withinMs }, 'could not finish in time')
  return ERRORS.ABORTED.exit
}

/** Whether the role is well. One that has handled enough is told to end, and the angel that this is in order. */
async function wellOf(role: Role | undefined, options: RunChildOptions, full: AbortController): Promise<void> {
  await role?.health()
  const { lifeMessagesMax } = options.limits
  if (lifeMessagesMax === 0 || full.signal.aborted || (role?.handled?.() ?? 0) < lifeMessagesMax) return
  options.parent.send({ say: 'full' } satisfies ToAngel)
  full.abort()
}

/** Says that the loop turns and the role is well, as often as the angel looks. A role that does not answer is not well. */
async function beat(
  options: RunChildOptions,
  health: () => Promise<void> | undefined,
  over: AbortSignal
): Promise<void> {
  const { parent, system, limits } = options
  while (!over.aborted) {
    try {
      await health()
      parent.send({ say: 'beat' } satisfies ToAngel)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      parent.send({ say: 'sick', reason } satisfies ToAngel)
    }
    await system.clock.sleep(beatMs(limits), over)
  }
}

/** What an angel, or whoever started it, is told of an error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DroprError) return { code: error.code, text: error.message }
  return { code: 'UNEXPECTED', text: error instanceof Error ? error.message : String(error) }
}

/** Has a role read its configuration again. A bad one changes nothing, and is logged. */
export async function reloadRole(role: Pick<Role, 'reload'>, log: Log): Promise<void> {
  try {
    await role.reload?.()
  } catch (error) {
    const { code, text } = failureOf(error)
    log.error({ code, error: text }, 'the configuration is bad: the old one is kept')
  }
}
