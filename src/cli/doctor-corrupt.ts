import { systemCode } from '../errors.ts'
import type { Files } from '../system/files.ts'
import type { Finding } from './finding.ts'

const NOTE_BYTES_MAX = 1_048_576

/** What was set aside earlier, by the notes that lie beside it. */
export async function examineCorrupt(files: Files, folder: string): Promise<Finding[]> {
  const names = await files.list(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  const noted = new Set(names.filter(({ name }) => name.endsWith('.json')).map(({ name }) => name.slice(0, -5)))
  const findings: Finding[] = []
  for (const { name, kind } of names) {
    const path = `${folder}/${name}`
    if (name.endsWith('.json')) findings.push(asideOf(path, await readNote(files, path)))
    else if (kind !== 'file' || !noted.has(name.replace(/(?:\+\d+)?\.bin$/, '')))
      findings.push({
        level: 'warning',
        kind: 'stray',
        path,
        what: `a ${kind} without a note beside it`,
        hint: 'A crash came before the note, or dropr did not make it: look, and move it elsewhere.'
      })
  }
  return findings
}

function asideOf(path: string, note: Record<string, unknown>): Finding {
  const {
    segment = 'a segment',
    why = 'no reason is noted',
    foundAt = 'an unknown time',
    savedEntries,
    lostPositions
  } = note
  const lost = Array.isArray(lostPositions) ? lostPositions.map(run => (run as unknown[]).slice(0, 2).join(' to ')) : []
  const which = lost.length === 0 ? '' : `; lost positions: ${lost.join(', ')}`
  const saved = typeof savedEntries === 'number' ? `; ${savedEntries} messages of it were saved` : ''
  return {
    level: 'warning',
    kind: 'set-aside',
    path,
    what: `bytes of ${String(segment)} could not be read and were set aside at ${String(foundAt)}: ${String(why)}${saved}${which}`,
    hint: 'What was lost must be sent again. Look at the disk; then move this note and the .bin beside it elsewhere.'
  }
}

async function readNote(files: Files, path: string): Promise<Record<string, unknown>> {
  try {
    const note: unknown = JSON.parse((await files.read(path, NOTE_BYTES_MAX)).toString())
    return typeof note === 'object' && note !== null ? (note as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
