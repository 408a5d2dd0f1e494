import type { SimFolder } from '../../src/system/sim/sim-folder.ts'
import type { Simulation } from './simulation.ts'
import { SPOOL } from './site.ts'

/** What nobody owns goes in the turn after the one that finds it idle: twice a minute, and the minute that it may rest. */
const CLEANED_MS = 250_000

/** When all has arrived, no large body is left in the outbox or the schedule, and no part of one in the inbox. */
export async function checkOrphans(sim: Simulation): Promise<void> {
  await sim.pass(CLEANED_MS)
  for (const { name, machine, sometimes, turned } of sim.sites) {
    sometimes.saw('large bodies cleaned')
    const files = [...filesBelow(machine.disk.disk.folder(SPOOL), SPOOL)]
    for (const path of files)
      if (/\/(outbox|schedule)\/.*\.blob$|\.part$/.test(path) && !isDoubtful(path, files, turned))
        sim.checker.violated('life', `${name}: nobody owns ${path}`)
  }
}

/** A segment of its writer lies there damaged: what cannot be read in it may name it. */
function isDoubtful(path: string, files: readonly string[], turned: ReadonlySet<string>): boolean {
  const writer = path.slice(path.lastIndexOf('/') + 1).split('-')[0]!
  const hit = new Set([...turned].map(what => what.split(' ')[0]))
  return files.some(file => file.includes(`/${writer}-`) && hit.has(file))
}

export function* filesBelow(folder: SimFolder, path: string): Generator<string> {
  for (const [name, node] of folder.names)
    if (node.kind === 'folder') yield* filesBelow(node, `${path}/${name}`)
    else yield `${path}/${name}`
}
