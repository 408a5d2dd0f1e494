import { parseSegmentName } from '../journal/segment-names.ts'
import { decodeChannel } from '../names.ts'
import { SPOOL_PARTS } from '../spool/spool-safety.ts'
import type { Files, FolderEntry } from '../system/files.ts'
import type { Finding } from './finding.ts'

/** A segment of the spool, by the room it lies in. */
export interface FoundSegment {
  path: string
  room: string
  writer: string
  /** outbox: for whom. */
  peer?: string
}

export interface Tree {
  findings: Finding[]
  segments: FoundSegment[]
  /** Folders of the outbox. */
  peers: string[]
}

/** What names a folder may have, level by level, below a room whose files are segments. */
const LEVELS: Readonly<Record<string, readonly ((name: string) => boolean)[]>> = {
  acked: [],
  dead: [isChannel],
  inbox: [isChannel],
  outbox: [name => /^[a-z0-9-]{1,63}$/.test(name), isChannel, name => /^[0-9]$/.test(name)]
}
/** Rooms with rules of their own, that are not looked into here. */
const OTHER = new Set(['corrupt', 'run', 'schedule'])
const OUR_FILES = new Set(['dropr.log', 'dropr.pid'])
const LEFTOVER = /\.[0-9a-f]{12}(?:\.new(?:\.[0-9]+)?)?$|\.new(?:\.[0-9]+)?$/

/** Every name in the spool: what is ours, and what is not. */
export async function examineTree(files: Files, spool: string): Promise<Tree> {
  const tree: Tree = { findings: [], segments: [], peers: [] }
  for (const entry of await files.list(spool)) {
    const path = `${spool}/${entry.name}`
    const levels = Object.hasOwn(LEVELS, entry.name) ? LEVELS[entry.name] : undefined
    if (levels !== undefined && entry.kind === 'folder') {
      await examineRoom(files, tree, { path, room: entry.name, levels })
    } else if (entry.name === 'paused' && entry.kind === 'folder') {
      tree.findings.push(...(await strangers(files, path, ({ name, kind }) => kind === 'file' && isPauseFile(name))))
    } else if (OTHER.has(entry.name) && entry.kind === 'folder') {
      tree.findings.push(...(entry.name === 'run' ? await strangers(files, path, isRunFile) : []))
    } else if (!isRootFile(entry)) {
      tree.findings.push(strange(path, entry.kind))
    }
  }
  return tree
}

async function examineRoom(
  files: Files,
  tree: Tree,
  at: { path: string; room: string; levels: readonly ((name: string) => boolean)[]; peer?: string }
): Promise<void> {
  const [known, ...levels] = at.levels
  for (const { name, kind } of await files.list(at.path)) {
    const path = `${at.path}/${name}`
    const peer = at.peer ?? (at.room === 'outbox' ? name : undefined)
    if (known !== undefined && kind === 'folder' && known(name)) {
      if (at.peer === undefined && at.room === 'outbox') tree.peers.push(name)
      await examineRoom(files, tree, { path, room: at.room, levels, ...(peer === undefined ? {} : { peer }) })
      continue
    }
    const segment = known === undefined && kind === 'file' ? parseSegmentName(at.path, name) : undefined
    if (segment === undefined) tree.findings.push(strange(path, kind))
    else tree.segments.push({ path, room: at.room, writer: segment.writer, ...(peer === undefined ? {} : { peer }) })
  }
}

/** What in a folder of one level is not ours. */
async function strangers(files: Files, folder: string, ours: (entry: FolderEntry) => boolean): Promise<Finding[]> {
  const found = await files.list(folder)
  return found.filter(entry => !ours(entry)).map(({ name, kind }) => strange(`${folder}/${name}`, kind))
}

function isRunFile({ name, kind }: FolderEntry): boolean {
  return kind === 'socket' ? name.endsWith('.sock') : kind === 'file' && /^[a-z-]+\.json$/.test(name)
}

function isPauseFile(name: string): boolean {
  return /^[a-z0-9-]{1,63}\.json$/.test(name)
}

function isRootFile({ name, kind }: FolderEntry): boolean {
  return kind === 'file' && (SPOOL_PARTS.get(name) === 'file' || OUR_FILES.has(name))
}

function isChannel(name: string): boolean {
  return decodeChannel(name) !== undefined
}

function strange(path: string, kind: FolderEntry['kind']): Finding {
  if (kind === 'file' && LEFTOVER.test(path)) {
    const what = 'a file that a process was writing when it ended, or is writing now'
    return { level: 'note', kind: 'leftover', path, what, hint: 'When it is older than a minute it may be removed.' }
  }
  const what = `a ${kind} that dropr did not make; it is left alone`
  return { level: 'warning', kind: 'stray', path, what, hint: 'Move it elsewhere.' }
}
