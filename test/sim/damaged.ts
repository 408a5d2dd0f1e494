import { audit, type Found } from './audit.ts'
import { filesBelow } from './orphans.ts'
import type { Simulation } from './simulation.ts'
import { type Site, SPOOL } from './site.ts'

type Lost = Map<string, [from: number, to: number][]>

/**
 * Of those of which a bit was turned: what is named as lost, in corrupt/ or by a dead letter without a body, need not come, and
 * nobody need hear of it.
 */
export async function takeDamaged(sim: Simulation): Promise<void> {
  const { sites, ledger, sometimes } = sim
  const open = new Set([...ledger.missing(), ...sim.unheard()].filter(({ hits }) => hits.length > 0))
  if (open.size === 0) return
  for (const site of sites) {
    const lost = lostOn(site)
    const { unreadable } = await audit(site)
    for (const { hits, lostAt } of open)
      for (const { site: name, stream, position } of hits) {
        const runs = lost.get(stream) ?? []
        const isNamed = runs.some(([from, to]) => from <= position && position < to)
        if (name !== site.name || lostAt.has(name) || !(isNamed || unreadable.has(`${stream} ${position}`))) continue
        lostAt.add(name)
        sometimes.saw('damaged message told')
      }
  }
}

/** Nothing is damaged, or set aside as such, but where a bit was turned. */
export function checkDamaged({ checker, sometimes, ledger }: Simulation, site: Site, found: Found): void {
  const turned = new Set([...site.turned].map(what => what.split(' ')[0]!))
  const isTurned = (what: string) => [...turned].some(name => what.startsWith(name))
  sometimes.saw('damage set aside', found.corrupt.filter(isTurned).length)
  for (const damage of found.damage)
    if (!isTurned(damage)) checker.violated('P3', `damage where nothing was damaged: ${site.name} ${damage}`)
  for (const name of found.corrupt)
    if (!isTurned(name)) checker.violated('P3', `set aside as damaged: ${site.name} ${name}`)
  for (const { token, from, to, delivered, handOuts, dead, expiresAt, cancelled, lostAt } of ledger.all)
    if (delivered && lostAt.has(from) && from !== to && !lostAt.has(to) && !dead && !cancelled)
      if (handOuts.length === 0 && expiresAt === undefined)
        checker.violated('P3', `#${token} was lost before it was sent, and its sender told that it is there`)
}

/** What the notes in corrupt/ name as lost, by stream. */
function lostOn({ machine: { disk } }: Site): Lost {
  const lost: Lost = new Map()
  if (disk.disk.find(`${SPOOL}/corrupt`) === undefined) return lost
  for (const path of filesBelow(disk.disk.folder(`${SPOOL}/corrupt`), `${SPOOL}/corrupt`)) {
    if (!path.endsWith('.json')) continue
    const note = JSON.parse(disk.peek(path)!.toString()) as {
      stream: string
      lostPositions: [number, number, string?][]
    }
    for (const [from, to, stream = note.stream] of note.lostPositions)
      lost.set(stream, [...(lost.get(stream) ?? []), [from, to]])
  }
  return lost
}
