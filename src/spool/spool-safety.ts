import { dirname } from 'node:path'
import { DroprError } from '../errors.ts'
import type { FileStat, Files, FolderEntry } from '../system/files.ts'
import type { Log } from '../system/log.ts'

const WRITABLE_BY_ALL = 0o002
const WRITABLE_BY_GROUP = 0o020
const STICKY = 0o1000

/** What a spool is made of, and what each of it must be. Anything else in the folder is left alone. */
export const SPOOL_PARTS: ReadonlyMap<string, FolderEntry['kind']> = new Map([
  ['outbox', 'folder'],
  ['acked', 'folder'],
  ['inbox', 'folder'],
  ['dead', 'folder'],
  ['corrupt', 'folder'],
  ['paused', 'folder'],
  ['cancelled', 'folder'],
  ['removed', 'folder'],
  ['wiped', 'folder'],
  ['run', 'folder'],
  ['FORMAT', 'file'],
  ['node.json', 'file'],
  ['dropr.json', 'file'],
  ['README.md', 'file']
])

/**
 * Why a folder that is to hold a spool (or a room of one) cannot be trusted; undefined when it can.
 *
 * @param uid This process's user; undefined where the system has none.
 */
export function folderFault(path: string, found: FileStat, uid: number | undefined): string | undefined {
  if (found.kind === 'link') return `${path} is a link: name the folder it points to`
  if (found.kind !== 'folder') return `${path} is not a folder`
  if (uid !== undefined && found.uid !== uid) return `${path} belongs to user ${found.uid}, this process is user ${uid}`
  if (found.mode & WRITABLE_BY_ALL) return `everybody may write to ${path} (mode ${found.mode.toString(8)})`
  return undefined
}

/** Why the folders above a spool cannot be trusted: whoever may write there can put another in its place. */
export function parentFault(path: string, found: FileStat): string | undefined {
  // A link's own mode says nothing; what it points to is not ours to follow here.
  if (found.kind !== 'folder' || !(found.mode & WRITABLE_BY_ALL) || found.mode & STICKY) return undefined
  return `everybody may write to ${path}, above the spool (mode ${found.mode.toString(8)})`
}

/** One of these: the folder is a spool, or somebody has made it ready for one. */
const PREPARED = ['FORMAT', 'node.json', 'dropr.json']
/** What stands in a folder before it becomes a spool: hidden files, our own log, what a crash left of the first file, a disk's own. */
const HARMLESS = /^(?:\.|dropr\.|FORMAT|node\.json|README|lost\+found$)/

/**
 * Refuses a spool that others could tamper with (SPOOL_UNSAFE), and a folder that holds something else (SPOOL_TAKEN). Writes
 * nothing. False when there is no such folder yet.
 */
export async function checkSpoolFolder(options: {
  files: Files
  log: Log
  path: string
  uid: number | undefined
}): Promise<boolean> {
  const { files, log, path, uid } = options
  for (let above = dirname(path); ; above = dirname(above)) {
    const found = await files.stat(above)
    refuse(found && parentFault(above, found))
    if (dirname(above) === above) break
  }
  const root = await files.stat(path)
  if (root === undefined) return false
  refuse(folderFault(path, root, uid))
  if (root.mode & WRITABLE_BY_GROUP)
    log.warn({ path, mode: root.mode.toString(8) }, 'the group may write to the spool: chmod 700 it')
  const entries = await files.list(path)
  const names = entries.map(({ name }) => name)
  const foreign = names.find(name => !HARMLESS.test(name) && !SPOOL_PARTS.has(name))
  if (foreign !== undefined && !names.some(name => PREPARED.includes(name)))
    throw new DroprError('SPOOL_TAKEN', `${path} is no spool and holds other files: ${foreign}`)
  for (const { name, kind } of entries) {
    const expected = SPOOL_PARTS.get(name)
    if (expected !== undefined && kind !== expected) refuse(`${path}/${name} is a ${kind}, not a ${expected}`)
    const room = expected === 'folder' ? await files.stat(`${path}/${name}`) : undefined
    refuse(room && folderFault(`${path}/${name}`, room, uid))
  }
  return true
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new DroprError('SPOOL_UNSAFE', fault)
}
