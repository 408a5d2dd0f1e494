import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Child {
  pid: number
  command: string
}

/** The living children of a process, with their command lines. From /proc where there is one: a bare machine has no `ps`. */
export function childrenOf(pid: number): Child[] {
  if (process.platform !== 'linux') return childrenByPs(pid)
  const pids = readOr('', `/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return pids
    .filter(child => !/^State:\s*Z/m.test(readOr('State: Z', `/proc/${child}/status`)))
    .map(child => ({ pid: child, command: readOr('', `/proc/${child}/cmdline`).replaceAll('\0', ' ') }))
}

function childrenByPs(parent: number): Child[] {
  const rows = execFileSync('ps', ['-ax', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' }).split('\n')
  return rows
    .map(row => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .filter(row => row !== null && Number(row[2]) === parent)
    .map(row => ({ pid: Number(row![1]), command: row![3]! }))
}

/** The process may end between two looks at it. */
function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}

/** Processor time a process has used so far, in ms; undefined where the system does not tell. */
export function processorMs(pid: number): number | undefined {
  const stat = readOr('', `/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return stat ? (Number(fields[11]) + Number(fields[12])) * 10 : undefined
}

/** What a process holds in memory; 0 where the system does not tell. */
export function memoryMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readOr('', `/proc/${pid}/status`))?.[1] ?? 0) / 1_024
}

/** Ends a process that may be gone already. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}
