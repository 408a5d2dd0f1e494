import { decodeMessage, decodeNote, entryBytes, HOLE, MARK, MESSAGE } from '../../src/journal/entry.ts'
import type { Frame } from '../../src/journal/frame.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { segmentParts } from '../../src/journal/segment-parts.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { savedFrames } from '../../src/journal/whole-frames.ts'
import type { Files, FolderEntry } from '../../src/system/files.ts'
import { SimFiles } from '../../src/system/sim/index.ts'
import { tokenIn } from './ledger.ts'
import { type Site, SPOOL } from './site.ts'

/** What lies on a disk. */
export interface Found {
  segments: number
  /** Segments whose good frames end before their bytes do. */
  torn: number
  damage: string[]
  /** Files in corrupt/: nothing was damaged, so there must be none. */
  corrupt: string[]
  /** Messages in inboxes that were recognised by their id. */
  duplicates: number
  /** Messages in the dead letters, and why. */
  dead: Map<number, string>
  /** Stream and position of those of which nothing but that they were there can be told. */
  unreadable: Set<string>
}

/** Reads every journal on a node's disk, on a copy, in no time. */
export async function audit(site: Site): Promise<Found> {
  const disk = new SimFiles()
  disk.restore(site.machine.disk.snapshot())
  const found: Found = {
    segments: 0,
    torn: 0,
    damage: [],
    corrupt: [],
    duplicates: 0,
    dead: new Map(),
    unreadable: new Set()
  }
  for (const folder of await foldersBelow(disk, SPOOL)) {
    for (const { path } of await listSegments(disk, folder)) await readSegment(disk, path, found)
  }
  found.corrupt = (await disk.list(`${SPOOL}/corrupt`).catch(() => [] as FolderEntry[])).map(({ name }) => name)
  return found
}

async function foldersBelow(files: Files, folder: string): Promise<string[]> {
  const folders = [folder]
  for (const { name, kind } of (await files.list(folder)).toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    if (kind === 'folder') folders.push(...(await foldersBelow(files, `${folder}/${name}`)))
  return folders
}

async function readSegment(files: Files, path: string, found: Found): Promise<void> {
  const reader = await SegmentReader.open(files, path)
  if (reader === undefined) return
  found.segments++
  const letters = new Map<string, number>()
  for await (const part of segmentParts(reader)) {
    if (part.kind === 'damage') {
      found.damage.push(`${path} [${part.from}, ${part.to})`)
      if (!path.startsWith(`${SPOOL}/dead/`)) continue
      for (const frame of await savedFrames(reader, part.from, part.to)) takeLetters(frame, letters, found)
    } else if (part.kind === 'end' && part.at < (await reader.bytes())) found.torn++
    else if (part.kind === 'frame' && path.startsWith(`${SPOOL}/inbox/`)) countDuplicates(part.frame.payload, found)
    else if (part.kind === 'frame' && path.startsWith(`${SPOOL}/dead/`)) takeLetters(part.frame, letters, found)
  }
  await reader.close()
}

function takeLetters({ source, payload }: Frame, letters: Map<string, number>, { dead, unreadable }: Found): void {
  for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
    if (source !== undefined && payload[at + 8] === MESSAGE) {
      const token = tokenIn(decodeMessage(payload, at))
      // An outcome is no message of anybody's.
      if (Number.isNaN(token)) continue
      letters.set(`${source.stream} ${source.from}`, token)
      if (!dead.has(token)) dead.set(token, 'no reason')
    }
    const note = payload[at + 8] === MARK ? (decodeNote(payload, at) as { dead: Note }).dead : undefined
    if (note?.reason.startsWith('damaged: ')) unreadable.add(`${note.stream} ${note.position}`)
    const token = note && letters.get(`${note.stream} ${note.position}`)
    if (token !== undefined) dead.set(token, `${note!.code}: ${note!.reason}`)
  }
}

interface Note {
  stream: string
  position: number
  code: string
  reason: string
}

function countDuplicates(payload: Buffer, found: Found): void {
  for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
    if (payload[at + 8] !== HOLE) continue
    if ((decodeNote(payload, at) as { code?: unknown }).code === 'duplicate') found.duplicates++
  }
}
