import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ROOT } from './up.ts'

export interface Machine {
  cpu: string
  cores: number
  memoryGiB: number
  system: string
  node: string
  fileSystem: string
  /** Load average of the last minute before the run: what else was going on. */
  load: number
}

/** Magic numbers of statfs(2). A file system in memory makes every sync free: figures from there are worth nothing. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
  801189825: 'zfs'
}

export function fileSystemOf(folder: string): string {
  const { type } = statfsSync(folder)
  return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`
}

export function machine(folder: string): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    fileSystem: fileSystemOf(folder),
    load: Number(os.loadavg()[0]!.toFixed(1))
  }
}

/** The version of dropr that is measured, with the commit when this is a checkout. */
export function version(): string {
  const { version: released } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  try {
    const commit = execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    })
    return `${released} (${commit.trim()})`
  } catch {
    return released
  }
}
