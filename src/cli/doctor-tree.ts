import { parseSegmentName } from '../journal/segment-names.ts'
import { decodeChannel } from '../names.ts'
import { parseHeldBlob, parsePlacedBlob, parseSentBlob } from '../spool/blob-names.ts'
import { SPOOL_PARTS } from '../spool/spool-safety.ts'
import type { Files, FolderEntry } from '../system/files.ts'
import { examineMode } from './doctor-modes.ts'
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
  /** Files of large bodies. */
  blobs: string[]
  /** Folders of the outbox. */
  peers: string[]
}

/** What a folder may hold. */
interface Place {
  /** What the folder of this name may hold; undefined: dropr did not make it. */
  folder?: (name: string) => Place | undefined
  /** A file, a socket. */
  file?: (entry: FolderEntry) => boolean
  segments?: true
}

const SEGMENTS: Place = { segments: true }
/** With large bodies beside them. */
const ARRIVED: Place = { ...SEGMENTS, file: ({ name, kind }) => kind === 'file' && !!parsePlacedBlob('', name) }
const SENT: Place = { ...SEGMENTS, file: ({ name, kind }) => kind === 'file' && !!parseSentBlob('', name) }
const CHANNELS: Place = { folder: name => (decodeChannel(name) === undefined ? undefined : ARRIVED) }
const PRIORITIES: Place = { folder: name => (/^[0-9]$/.test(name) ? SENT : undefined) }
const OUTBOX_CHANNELS: Place = { folder: name => (decodeChannel(name) === undefined ? undefined : PRIORITIES) }
const BUCKETS: Place = { folder: name => (/^\d{4}-\d\d-\d\d(T\d\d(-\d\d){0,2})?$/.test(name) ? SEGMENTS : undefined) }
const HELD: Place = { file: ({ name, kind }) => kind === 'file' && !!parseHeldBlob('', name) }
const IN_SHARD: ReadonlyMap<string, Place> = new Map([
  ['in', SENT],
  ['marks', SEGMENTS],
  ['blobs', HELD]
])
const SHARD: Place = {
  folder: name => IN_SHARD.get(name) ?? (/^[a-z]{1,20}$/.test(name) ? BUCKETS : undefined)
}

/** Rooms, by the names of their folders. What lies in `corrupt/` has a doctor of its own. */
const ROOMS: Readonly<Record<string, Place>> = {
  acked: SEGMENTS,
  dead: CHANNELS,
  inbox: CHANNELS,
  outbox: { folder: name => (/^[a-z0-9-]{1,63}$/.test(name) ? OUTBOX_CHANNELS : undefined) },
  schedule: { folder: name => (/^shard-[1-9][0-9]?$/.test(name) ? SHARD : SHARD.folder!(name)) },
  cancelled: { file: ({ name, kind }) => kind === 'file' && /^[a-z0-9-]{1,63}\.json$/.test(name) },
  wiped: { file: ({ name, kind }) => kind === 'file' && /^[a-z0-9-]{1,63}\.json$/.test(name) },
  paused: { file: ({ name, kind }) => kind === 'file' && /^[a-z0-9-]{1,63}\.json$/.test(name) },
  removed: { file: ({ name, kind }) => kind === 'file' && decodeChannel(name.replace(/\.json$/, '')) !== undefined },
  run: {
    file: ({ name, kind }) =>
      (kind === 'socket' && name.endsWith('.sock')) || (kind === 'file' && /^[a-z-]+\.json$/.test(name))
  },
  corrupt: { file: () => true }
}
const OUR_FILES = new Set(['dropr.log', 'dropr.pid'])
const ROOT: Place = {
  folder: name => (Object.hasOwn(ROOMS, name) ? ROOMS[name] : undefined),
  file: ({ name, kind }) => kind === 'file' && (SPOOL_PARTS.get(name) === 'file' || OUR_FILES.has(name))
}
/** What write-file-atomic and our own wrapper call what is not finished. */
const LEFTOVER = /\.new(?:\.[0-9]+)?$|\.[0-9a-f]{12}(?:\.new(?:\.[0-9]+)?)?$/
/** Nobody else calls a file of his own so. */
const OUR_LEFTOVER = /\.[0-9a-f]{12}(?:\.new(?:\.[0-9]+)?)?$/

/** Every name in the spool: what is ours, and what is not. */
export async function examineTree(files: Files, spool: string): Promise<Tree> {
  const tree: Tree = { findings: [], segments: [], blobs: [], peers: [] }
  await examinePlace({ files, tree, spool, way: [] }, ROOT)
  return tree
}

interface Walk {
  files: Files
  tree: Tree
  spool: string
  /** Names from the spool down to here. */
  way: readonly string[]
}

async function examinePlace(walk: Walk, place: Place): Promise<void> {
  const { files, tree, way } = walk
  const here = [walk.spool, ...way].join('/')
  for (const entry of await files.list(here)) {
    const { name, kind } = entry
    const path = `${here}/${name}`
    const below = kind === 'folder' ? place.folder?.(name) : undefined
    const segment = place.segments && kind === 'file' ? parseSegmentName(here, name) : undefined
    if (below === undefined && segment === undefined && !place.file?.(entry)) {
      tree.findings.push(strange(path, kind, way[0] === 'corrupt'))
      continue
    }
    tree.findings.push(...(await examineMode(files, path, kind)))
    if (segment !== undefined) tree.segments.push(foundSegment(way, segment))
    else if (place.segments && kind === 'file') tree.blobs.push(path)
    if (below !== undefined) {
      if (way.length === 1 && way[0] === 'outbox') tree.peers.push(name)
      await examinePlace({ ...walk, way: [...way, name] }, below)
    }
  }
}

function foundSegment(way: readonly string[], { path, writer }: { path: string; writer: string }): FoundSegment {
  const [room = '', peer = ''] = way
  return { path, room, writer, ...(room === 'outbox' ? { peer } : {}) }
}

function strange(path: string, kind: FolderEntry['kind'], kept: boolean): Finding {
  if (kind === 'file' && LEFTOVER.test(path)) {
    const what = 'a file that a process was writing when it ended, or is writing now'
    const isOurs = OUR_LEFTOVER.test(path) && !kept
    const hint = isOurs
      ? 'Nothing needs it once that process is gone: a running server removes it soon, `dropr doctor --repair` now.'
      : 'Look at it, and move it elsewhere.'
    const repair = isOurs ? { repair: 'remove' as const } : {}
    return { level: 'note', kind: 'leftover', path, what, hint, ...repair }
  }
  const what = `a ${kind} that dropr did not make; it is left alone`
  return { level: 'warning', kind: 'stray', path, what, hint: 'Look at it, and move it elsewhere.' }
}
