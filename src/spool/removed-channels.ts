import { DroprError, diskError, systemCode } from '../errors.ts'
import { decodeChannel, encodeChannel } from '../names.ts'
import type { Spool } from './spool.ts'

/** A million ids that callers gave have about thirty. */
const FILE_BYTES_MAX = 268_435_456

/*
 * What is remembered of channels of the inbox that were removed: a file each in `removed/`, written by the inbox's owner only.
 * Without it a message whose sender has not heard that it arrived would enter a second time.
 *
 *     removed/<channel>.json   {"removedAt":<wall ms>,"through":<n>,"epoch":<n>,"marks":[...]}
 *
 * Once it is there, segments of the channel up to `through` are gone, whether their files are or not.
 */

export interface RemovedChannel {
  /** Wall ms. */
  removedAt: number
  /** Segments up to this number are gone, and their numbers are not used again. */
  through: number
  /** Of the owner who removed it: what wrote there had no higher one. */
  epoch: number
  /** As they would stand in the channel's journal: how far streams are, refusals, ids. */
  marks: readonly unknown[]
}

/** Enough of a spool to read it. */
type Place = Pick<Spool, 'path'> & { system: Pick<Spool['system'], 'files'> }

export async function removedChannels({ system, path }: Place): Promise<string[]> {
  const folder = `${path}/removed`
  const names: string[] = []
  try {
    for (const { name, kind } of await system.files.list(folder)) {
      const channel = kind === 'file' && name.endsWith('.json') ? decodeChannel(name.slice(0, -5)) : undefined
      if (channel !== undefined) names.push(channel)
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskError(error, `list ${folder}`)
  }
  return names.sort()
}

/** Undefined for one that was not removed. @throws DroprError DISK_*; SPOOL_DAMAGED: without it messages might enter twice. */
export async function readRemoved(spool: Place, channel: string): Promise<RemovedChannel | undefined> {
  const path = pathOf(spool, channel)
  let text: string
  try {
    text = (await spool.system.files.read(path, FILE_BYTES_MAX)).toString()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw diskError(error, `read ${path}`)
  }
  const removed = parsed(text)
  if (removed === undefined) throw new DroprError('SPOOL_DAMAGED', `${path} cannot be read`)
  return removed
}

/** Durable when resolved. @throws DroprError DISK_*: it may be there all the same. */
export async function writeRemoved(spool: Spool, channel: string, removed: RemovedChannel): Promise<void> {
  const path = pathOf(spool, channel)
  try {
    await spool.folders.ensure(`${spool.path}/removed`)
    await spool.system.files.replace(path, `${JSON.stringify(removed)}\n`)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}

/** The channel is there again, and says all that itself; or nothing of it counts any more. @throws DroprError DISK_* */
export async function dropRemoved(spool: Spool, channel: string): Promise<void> {
  const path = pathOf(spool, channel)
  try {
    await spool.system.files.remove(path)
    await spool.system.files.syncFolder(`${spool.path}/removed`)
  } catch (error) {
    throw diskError(error, `remove ${path}`)
  }
}

function pathOf(spool: Pick<Spool, 'path'>, channel: string): string {
  return `${spool.path}/removed/${encodeChannel(channel)}.json`
}

function parsed(text: string): RemovedChannel | undefined {
  try {
    const { removedAt, through, epoch, marks } = JSON.parse(text) as Record<keyof RemovedChannel, unknown>
    if (![removedAt, through, epoch].every(Number.isSafeInteger) || !Array.isArray(marks)) return undefined
    return { removedAt, through, epoch, marks } as RemovedChannel
  } catch {
    return undefined
  }
}
