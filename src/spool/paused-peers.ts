import { diskError, systemCode } from '../errors.ts'
import { checkPeer } from '../names.ts'
import type { Files } from '../system/files.ts'
import type { Spool } from './spool.ts'

const NOTE_BYTES_MAX = 4_096

/*
 * Peers that nothing is sent to, by a person's wish: a file each in `paused/`, so that two who wish something of two peers at
 * once do not undo each other. The name of the file is what counts.
 *
 *     paused/<peer>.json   {"pausedAt":<wall ms>}
 */

/** Who is paused, and since when; 0 when that cannot be read. @throws DroprError DISK_* */
export async function pausedPeers(files: Files, spool: string): Promise<Map<string, number>> {
  const folder = `${spool}/paused`
  const paused = new Map<string, number>()
  try {
    for (const { name, kind } of await files.list(folder)) {
      const peer = /^([a-z0-9-]{1,63})\.json$/.exec(name)?.[1]
      if (peer === undefined || kind !== 'file') continue
      const at = await pausedAt(files, `${folder}/${name}`)
      if (at !== undefined) paused.set(peer, at)
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskError(error, `read ${folder}`)
  }
  return paused
}

/** Durable when resolved. Pausing twice keeps the first time. @returns Since when. @throws DroprError DISK_* */
export async function pausePeer(spool: Spool, peer: string): Promise<number> {
  const { clock, files } = spool.system
  const path = pathOf(spool, peer)
  const known = await pausedPeers(files, spool.path)
  const at = known.get(peer) ?? clock.now()
  try {
    await spool.folders.ensure(`${spool.path}/paused`)
    // Again also when it is there: whoever wrote it may have crashed before it was durable.
    await files.replace(path, `${JSON.stringify({ pausedAt: at })}\n`)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
  return at
}

/** Durable when resolved. @returns Whether it was paused. @throws DroprError DISK_* */
export async function resumePeer(spool: Spool, peer: string): Promise<boolean> {
  const { files } = spool.system
  const path = pathOf(spool, peer)
  try {
    const was = (await files.stat(path)) !== undefined
    await files.remove(path)
    await files.syncFolder(`${spool.path}/paused`)
    return was
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw diskError(error, `remove ${path}`)
  }
}

function pathOf(spool: Spool, peer: string): string {
  return `${spool.path}/paused/${checkPeer(peer)}.json`
}

/** Undefined: resumed in this moment. That it is paused counts, whatever the file says. */
async function pausedAt(files: Files, path: string): Promise<number | undefined> {
  try {
    const bytes = await files.read(path, NOTE_BYTES_MAX)
    const { pausedAt: at } = JSON.parse(bytes.toString()) as { pausedAt?: unknown }
    return Number.isSafeInteger(at) ? (at as number) : 0
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code !== undefined && code !== 'EFBIG') throw error
    return 0
  }
}
