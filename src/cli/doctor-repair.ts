import { dirname } from 'node:path'
import type { System } from '../system/system.ts'
import { MODE_OF } from './doctor-modes.ts'
import type { Finding } from './finding.ts'

/** A file that is being written is gone after milliseconds: what is there as long as this has no writer, or one that is stopped. */
const LEFTOVER_MS = 2_000

export interface RepairWorld {
  system: Pick<System, 'files' | 'clock'>
  /** Of what belongs to this user; never through a link. */
  setMode: (path: string, mode: number) => Promise<void>
  /** Says what is about to be done, before it is. */
  announce: (finding: Finding, does: string) => Promise<void>
}

/** What a repair came to: `unneeded` when the finding was gone by itself. */
export type Repaired = 'done' | 'unneeded' | 'failed'

/**
 * Does what is safe whoever works on the spool, and only that: takes rights from others, removes what an ended process had
 * begun to write under a name that nothing reads. Whoever still writes there (a process that was stopped) gets an error for
 * that one call. Messages, and what dropr did not make, are never touched.
 *
 * @returns One for each finding that has a repair.
 */
export async function repairFindings(
  findings: readonly Finding[],
  world: RepairWorld
): Promise<Map<Finding, { result: Repaired; error?: string }>> {
  const { system } = world
  const results = new Map<Finding, { result: Repaired; error?: string }>()
  const wanted = findings.filter(({ repair }) => repair !== undefined)
  const sizes = new Map<Finding, number | undefined>()
  for (const finding of wanted) sizes.set(finding, (await system.files.stat(finding.path!))?.bytes)
  if (wanted.some(({ repair }) => repair === 'remove')) await system.clock.sleep(LEFTOVER_MS)
  for (const finding of wanted) {
    try {
      results.set(finding, { result: await repairOne(finding, sizes.get(finding), world) })
    } catch (error) {
      results.set(finding, { result: 'failed', error: error instanceof Error ? error.message : String(error) })
    }
  }
  return results
}

async function repairOne(finding: Finding, bytes: number | undefined, world: RepairWorld): Promise<Repaired> {
  const { files } = world.system
  const { repair, path } = finding
  const found = await files.stat(path!)
  if (found === undefined) return 'unneeded'
  if (repair === 'mode') {
    const mode = MODE_OF[found.kind]
    if (mode === undefined) return 'unneeded'
    await world.announce(finding, `chmod ${mode.toString(8)}`)
    await world.setMode(path!, mode)
    return 'done'
  }
  // It grows: somebody writes it.
  if (found.bytes !== bytes || found.kind !== 'file') return 'unneeded'
  await world.announce(finding, 'remove')
  await files.remove(path!)
  await files.syncFolder(dirname(path!))
  return 'done'
}
