import { readFileSync } from 'node:fs'
import path from 'node:path'
import { openRooms } from '../../src/cli/ls-rooms.ts'
import type { System } from '../../src/system/system.ts'

/** `room state` of every message that `dropr ls` tells of, by its id: one, unless something is wrong. */
export async function stagesOf(system: System, spool: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const room of await openRooms(system, spool))
    for await (const batch of room.batches())
      for (const row of batch) found.set(row.id, [...(found.get(row.id) ?? []), `${row.room} ${row.state}`])
  return found
}

/** The lines of the drawing of a spool in docs/ARCHITECTURE.md, as a pattern of paths below it. */
export function layout(): RegExp {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/ARCHITECTURE.md'), 'utf8')
  const [, drawing] = /\nspool\/\n([\s\S]+?)```/.exec(page)!
  const names = drawing!
    .split('\n')
    .flatMap(line => /^ {2}(\S+(?: [A-Z]\S*| \S+\.json)*)/.exec(line)?.[1]?.split(' ') ?? [])
    .map(name => name.replace('(yours)', '').replaceAll(/<\w+>/g, '[^/]+').replaceAll('.', '\\.'))
  return new RegExp(`^(?:${names.map(name => (name.endsWith('/') ? `${name}.*` : name)).join('|')})$`)
}
