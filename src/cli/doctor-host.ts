import type { System } from '../system/system.ts'
import type { Finding } from './finding.ts'

const NETWORK = new Set(['nfs', 'smb', 'cifs', '9p', 'ceph', 'fuse'])
const MEMORY = new Set(['tmpfs', 'ramfs'])
const FREE_BYTES_MIN = 268_435_456
const CLOCK_MIN = Date.UTC(2020, 0, 1)
const CLOCK_MAX = Date.UTC(2090, 0, 1)

/** The disk that a spool lies on, and the clock. */
export async function examineHost(system: Pick<System, 'files' | 'clock'>, spool: string): Promise<Finding[]> {
  return [...(await examineDisk(system, spool)), ...judgeClock(system.clock.now())]
}

async function examineDisk({ files }: Pick<System, 'files'>, spool: string): Promise<Finding[]> {
  const { free, kind } = await files.space(spool)
  const findings = judgeDisk(spool, kind)
  if (free < FREE_BYTES_MIN) {
    const what = `${Math.floor(free / 1_048_576)} MiB are free on the disk of the spool`
    findings.push({
      level: 'warning',
      kind: 'disk-full',
      path: spool,
      what,
      hint: 'Free some space: sends will be refused.'
    })
  }
  return findings
}

/** @param kind Of file system, as statfs names it; undefined when not known. */
export function judgeDisk(path: string, kind: string | undefined): Finding[] {
  if (kind !== undefined && NETWORK.has(kind)) {
    const what = `the spool lies on a network or user-space file system (${kind})`
    const hint =
      'Locks and syncs cannot be trusted there, messages may be lost or come twice: move the spool to a local disk.'
    return [{ level: 'error', kind: 'disk-network', path, what, hint }]
  }
  if (kind !== undefined && MEMORY.has(kind)) {
    const hint = 'All messages are lost when the machine stops: move the spool to a disk.'
    return [{ level: 'error', kind: 'disk-memory', path, what: `the spool lies in memory (${kind})`, hint }]
  }
  if (kind === 'overlay') {
    const hint = 'It is removed with the container: put the spool on a volume.'
    return [{ level: 'warning', kind: 'disk-overlay', path, what: "the spool lies in a container's own layer", hint }]
  }
  return []
}

/** @param now Wall ms. */
export function judgeClock(now: number): Finding[] {
  if (now >= CLOCK_MIN && now < CLOCK_MAX) return []
  const what = `the clock says ${new Date(now).toISOString()}`
  const hint = 'Set it (NTP): expiry, retries and retention go by it.'
  return [{ level: 'error', kind: 'clock', what, hint }]
}
