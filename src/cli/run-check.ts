import { durationMs } from '../duration.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { backlogsOf, type FileBacklog } from './backlogs.ts'
import { loadCallConfig } from './call-config.ts'
import type { CheckOptions } from './check.ts'
import { printable } from './columns.ts'
import { openRooms } from './ls-rooms.ts'
import { checkClock, checkSchedule, type Remark } from './schedule-check.ts'
import { usage } from './usage-error.ts'

/** As Nagios counts. */
const LEVELS = ['ok', 'warning', 'critical'] as const
export type Level = (typeof LEVELS)[number]

/** Over these something is wrong; what is not given bounds nothing. */
export interface Bounds {
  age?: number | undefined
  depth?: number | undefined
}

export interface CheckBounds {
  warning: Bounds
  critical: Bounds
  dead?: number | undefined
}

/** One channel that is over a bound; docs/cli.md. */
export interface Problem extends FileBacklog {
  level: (typeof LEVELS)[number]
  behindSeconds: number
}

export async function runCheck(call: Call<CheckOptions>): Promise<number> {
  const { options, out, spool } = call
  const given = usage(() => boundsOf(options))
  const system = nodeSystem()
  const rooms = await openRooms(system, spool)
  const bounds = given ?? {
    warning: { age: (await loadCallConfig(call, system.files)).limits.backlogMsMax },
    critical: {}
  }
  const wanted = rooms.filter(room => options.channel === undefined || options.channel.includes(room.channel))
  const now = system.clock.now()
  const backlogs = judgeBacklogs(await backlogsOf(wanted), bounds, now)
  const schedule = options.channel === undefined ? await checkSchedule(system, spool, bounds) : []
  const problems = [...backlogs, ...schedule, ...checkClock(now)]
  const exit = Math.max(0, ...problems.map(problem => LEVELS.indexOf(problem.level)))
  if (out.json) await out.value({ level: LEVELS[exit], problems })
  else if (problems.length > 0)
    await out.line(problems.map(problem => ('text' in problem ? remarkLine(problem) : problemLine(problem))).join('\n'))
  return exit
}

/** The worst first. */
export function judgeBacklogs(backlogs: readonly FileBacklog[], bounds: CheckBounds, now: number): Problem[] {
  const problems: Problem[] = []
  for (const backlog of backlogs) {
    const age = Math.max(0, now - backlog.oldestAt)
    const over = ({ age: ageMax, depth }: Bounds) =>
      (ageMax !== undefined && age > ageMax) || (depth !== undefined && backlog.depth > depth)
    const level =
      backlog.room === 'dead'
        ? Number(bounds.dead !== undefined && backlog.depth > bounds.dead)
        : over(bounds.critical)
          ? 2
          : Number(over(bounds.warning))
    if (level > 0) problems.push({ level: LEVELS[level]!, ...backlog, behindSeconds: Math.round(age / 1_000) })
  }
  return problems.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level) || b.behindSeconds - a.behindSeconds)
}

/** Undefined when no bound was given. */
function boundsOf(options: CheckOptions): CheckBounds | undefined {
  const { maxAge, maxDepth, criticalAge, criticalDepth, maxDead } = options
  const warning = { age: ageMs(maxAge, '--max-age'), depth: maxDepth }
  const critical = { age: ageMs(criticalAge, '--critical-age'), depth: criticalDepth }
  const given = [...Object.values(warning), ...Object.values(critical), maxDead].some(bound => bound !== undefined)
  return given ? { warning, critical, dead: maxDead } : undefined
}

/** Monitoring counts in seconds: so does a number without a unit here. */
function ageMs(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  return durationMs(/^\d+$/.test(text) ? `${text}s` : text, name)
}

function remarkLine({ level, room, text }: Remark): string {
  return printable(`${level.toUpperCase()}: ${room}: ${text}`)
}

function problemLine({ level, room, peer, channel, depth, behindSeconds }: Problem): string {
  const where = peer === undefined ? `${room} channel ${channel}` : `${room} peer ${peer} channel ${channel}`
  const waits = room === 'dead' ? `${depth} dead, the oldest sent ${behindSeconds} s ago` : `${depth} waiting`
  return printable(
    `${level.toUpperCase()}: ${where}: ${room === 'dead' ? waits : `${waits}, ${behindSeconds} s behind`}`
  )
}
