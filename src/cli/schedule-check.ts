import { askSchedulers, type SchedulerSays } from '../server/ask-schedulers.ts'
import { foldersIn } from '../spool/spool.ts'
import type { System } from '../system/system.ts'
import type { Bounds, Level } from './run-check.ts'

/** Something that is wrong and no channel's backlog; docs/cli.md. */
export interface Remark {
  level: Level
  room: 'schedule' | 'clock'
  behindSeconds: number
  text: string
}

interface ScheduleBounds {
  warning: Bounds
  critical: Bounds
}

/** This version was not there before. */
const CLOCK_MIN = Date.UTC(2026, 0, 1)
/** A clock that begins at a far end of its range is wrong; a program of today hardly runs so long. */
const CLOCK_MAX = Date.UTC(2076, 0, 1)
const BUCKET = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?:-(\d\d)(?:-(\d\d)(\.\d{3})?)?)?)?$/
const NO_BUCKETS = new Set(['in', 'marks'])

/** What is due and does not go is told by who works on it; where nobody does, by the names of the buckets. */
export async function checkSchedule(system: System, spool: string, bounds: ScheduleBounds): Promise<Remark[]> {
  const said = await askSchedulers({ system, run: `${spool}/run` }, 'status')
  const now = system.clock.now()
  const remarks = said.flatMap(shard => judgeShard(shard, bounds, now))
  const shards = new Set(said.map(({ shard }) => shard))
  const folder = `${spool}/schedule`
  const others = (await foldersIn(system.files, folder)).flatMap(name => /^shard-(\d{1,2})$/.exec(name)?.[1] ?? [])
  for (const shard of [0, ...others.map(Number)]) {
    if (shards.has(shard)) continue
    const first = await firstBucket(system, shard === 0 ? folder : `${folder}/shard-${shard}`)
    if (first === undefined) continue
    const level = levelOf(now - first, bounds)
    const text = `shard ${shard}: messages have been due since ${new Date(first).toISOString()}, and no scheduler runs`
    if (level !== undefined) remarks.push({ level, room: 'schedule', behindSeconds: seconds(now - first), text })
  }
  return remarks
}

/** A clock that shows a time at which this program was not there, or will not be (CLOCK-6). */
export function checkClock(now: number): Remark[] {
  if (now >= CLOCK_MIN && now <= CLOCK_MAX) return []
  const text = `it is ${new Date(now).toISOString()}: messages for later, expiry and retention go by a clock that is wrong`
  return [{ level: 'warning', room: 'clock', behindSeconds: 0, text }]
}

function judgeShard({ shard, nextDueAt, failing }: SchedulerSays, bounds: ScheduleBounds, now: number): Remark[] {
  const late = nextDueAt === undefined ? 0 : Math.max(0, now - nextDueAt)
  const behindSeconds = seconds(late)
  const level = levelOf(late, bounds)
  const remarks: Remark[] = []
  if (level !== undefined) {
    const text = `shard ${shard}: a message was due at ${new Date(nextDueAt!).toISOString()} and did not go`
    remarks.push({ level, room: 'schedule', behindSeconds, text })
  }
  if (failing !== undefined) {
    const text = `shard ${shard}: fails since ${new Date(failing.since).toISOString()}: ${failing.code}`
    remarks.push({ level: 'warning', room: 'schedule', behindSeconds, text })
  }
  return remarks
}

function levelOf(late: number, { warning, critical }: ScheduleBounds): Level | undefined {
  if (late <= 0) return undefined
  if (critical.age !== undefined && late > critical.age) return 'critical'
  return warning.age !== undefined && late > warning.age ? 'warning' : undefined
}

/** When the first bucket begins in which something lies, wall ms. */
async function firstBucket({ files }: System, root: string): Promise<number | undefined> {
  const starts: number[] = []
  for (const level of await foldersIn(files, root)) {
    if (NO_BUCKETS.has(level) || level.startsWith('shard-')) continue
    for (const name of await foldersIn(files, `${root}/${level}`)) {
      const start = startOf(name)
      if (start === undefined) continue
      const entries = await files.list(`${root}/${level}/${name}`)
      if (entries.some(entry => entry.name.endsWith('.seg'))) starts.push(start)
    }
  }
  return starts.length === 0 ? undefined : Math.min(...starts)
}

function startOf(name: string): number | undefined {
  const [, day, hour = '00', minute = '00', second = '00', ms = '.000'] = BUCKET.exec(name) ?? []
  return day === undefined ? undefined : Date.parse(`${day}T${hour}:${minute}:${second}${ms}Z`)
}

function seconds(ms: number): number {
  return Math.round(ms / 1_000)
}
