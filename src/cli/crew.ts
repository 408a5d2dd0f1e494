import { Angel, type AngelEnd } from '../angel/angel.ts'
import type { KeeperStatus } from '../angel/keeper.ts'
import type { StartChild } from '../angel/life.ts'
import type { RoleName } from '../angel/role.ts'
import type { Failure } from '../angel/talk.ts'
import { nodeChildren } from '../system/child.ts'
import type { Call } from './act.ts'
import type { DaemonContext } from './daemon-context.ts'
import { daemonArgs } from './daemon-flags.ts'
import type { UpOptions } from './up.ts'

/** Who does the work of `dropr up`: an angel with its children, or all in this process. */
export interface Crew {
  /** Everything works, or never will. */
  readonly settled: Promise<'ready' | 'stopped' | Failure>
  /** Nothing is left. */
  readonly ended: Promise<AngelEnd>
  status(): Promise<KeeperStatus[]>
  /** Everybody reads the configuration again. */
  reload(): void
  /** Finishes what is in hand. Called again: ends at once. */
  stop(): void
}

export async function startCrew(call: Call<UpOptions>, context: DaemonContext): Promise<Crew> {
  const { options } = call
  const { system, config } = context
  if (options.single) {
    const [{ Single }, { startRole }] = await Promise.all([import('./single.ts'), import('./start-role.ts')])
    const start = (role: RoleName) => startRole(role, context)
    return new Single({ system, limits: config.limits, roles: options.roles, start })
  }
  const children = new Map(options.roles.map(role => [role, childOf(role, call)]))
  return new Angel({ system, limits: config.limits, children })
}

/**
 * The first: so that it can give memory back, see src/system/quiet-memory.ts. The second, MiB: bytes that pass through count
 * as old space, and below that V8 goes through the whole heap for every 8 MiB of them, half of the processor at 90 MB/s.
 */
const NODE_FLAGS = ['--expose-gc', '--initial-old-space-size=64']
/** For glibc: it would raise both by itself, and keep what large blocks leave free. Whoever has set them knows better. */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '262144', MALLOC_TRIM_THRESHOLD_: '262144' }

/** This same program as `dropr role <role>`, with the flags that `up` was given. */
function childOf(role: RoleName, call: Call<UpOptions>): StartChild {
  const { options, spool } = call
  const args = [...NODE_FLAGS, process.argv[1]!, 'role', role, `--spool=${spool}`, ...daemonArgs(options)]
  if (options.config !== undefined) args.push(`--config=${options.config}`)
  return hooks => nodeChildren.start({ ...hooks, args, env: { ...MALLOC, ...process.env } })
}
