import { diskError, systemCode } from '../errors.ts'
import { checkPeer } from '../names.ts'
import { inPeerTurn } from './peer-notes.ts'
import type { Spool } from './spool.ts'

const FILE_BYTES_MAX = 67_108_864

/*
 * Messages of the outbox that have arrived, and that an operator wants to see no more: a file each peer in `wiped/`, written by the
 * inbox's owner. Messages of one stream are in the order of their time, so that a number each is enough.
 *
 *     wiped/<peer>.json   {"<stream>":<position>,...}   those below are not listed; a stream that is wiped to its end goes at once
 */

/** By stream: positions below are wiped. */
export type Wiped = ReadonlyMap<string, number>

/** Nothing where nothing is wiped, or where that cannot be read: then more is seen. @throws DroprError DISK_* */
export async function readWiped(
  spool: Pick<Spool, 'path'> & { system: Pick<Spool['system'], 'files'> },
  peer: string
): Promise<Map<string, number>> {
  const path = pathOf(spool, peer)
  try {
    const rows: unknown = JSON.parse((await spool.system.files.read(path, FILE_BYTES_MAX)).toString())
    const given = typeof rows === 'object' && rows !== null ? Object.entries(rows as Record<string, unknown>) : []
    return new Map(given.filter((row): row is [string, number] => Number.isSafeInteger(row[1])))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === undefined) return new Map()
    throw diskError(error, `read ${path}`)
  }
}

/** These too; what was wiped stays so. Durable when resolved. @throws DroprError DISK_* */
export async function addWiped(spool: Spool, peer: string, more: Wiped): Promise<void> {
  await inPeerTurn(spool, peer, async () => {
    const wiped = await readWiped(spool, peer)
    for (const [stream, to] of more) wiped.set(stream, Math.max(to, wiped.get(stream) ?? 0))
    await writeWiped(spool, peer, wiped)
  })
}

/** Durable when resolved. @throws DroprError DISK_* */
export async function writeWiped(spool: Spool, peer: string, wiped: Wiped): Promise<void> {
  const path = pathOf(spool, peer)
  try {
    await spool.folders.ensure(`${spool.path}/wiped`)
    await spool.system.files.replace(path, `${JSON.stringify(Object.fromEntries(wiped))}\n`)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}

function pathOf({ path }: Pick<Spool, 'path'>, peer: string): string {
  return `${path}/wiped/${checkPeer(peer)}.json`
}
