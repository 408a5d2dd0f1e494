import { basename } from 'node:path'
import type { Files, FolderEntry } from '../system/files.ts'
import type { Finding } from './finding.ts'

const FOR_OTHERS = 0o077
const WRITE_FOR_OTHERS = 0o022
/** Yours, or without anything to hide. A configuration with a token in it is looked at when it is read. */
const FREE = new Set(['dropr.json', 'dropr.log', 'dropr.pid', 'README.md', 'FORMAT'])

/** The mode that dropr gives a file or folder. */
export const MODE_OF: Readonly<Partial<Record<FolderEntry['kind'], number>>> = { folder: 0o700, file: 0o600 }

/** Whether others may read or write what only the spool's owner should, or it belongs to somebody else. */
export async function examineMode(
  files: Files,
  path: string,
  kind: FolderEntry['kind'],
  uid = process.getuid?.()
): Promise<Finding[]> {
  const wanted = MODE_OF[kind]
  if (wanted === undefined || (kind === 'file' && FREE.has(basename(path)))) return []
  const found = await files.stat(path)
  if (found === undefined) return []
  if (uid !== undefined && found.uid !== uid) {
    const what = `it belongs to user ${found.uid}, this process is user ${uid}`
    const hint = 'All processes of a spool run as one user: chown it, or run doctor as that user.'
    return [{ level: 'warning', kind: 'owner', path, what, hint }]
  }
  const rights = found.mode & FOR_OTHERS
  if (rights === 0) return []
  const what = `others may ${rights & WRITE_FOR_OTHERS ? 'write' : 'read'} it (mode ${found.mode.toString(8)})`
  const hint = `chmod ${wanted.toString(8)} ${path}, or \`dropr doctor --repair\``
  return [{ level: rights & WRITE_FOR_OTHERS ? 'error' : 'warning', kind: 'mode', path, what, hint, repair: 'mode' }]
}
