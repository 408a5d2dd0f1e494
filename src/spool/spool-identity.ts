import { crc32 } from 'node:zlib'
import { DroprError, systemCode } from '../errors.ts'
import { mendBit } from '../journal/mend-bit.ts'
import { checkPeer } from '../names.ts'
import type { Files } from '../system/files.ts'
import type { System } from '../system/system.ts'

/** The version of everything on disk below a spool. */
export const SPOOL_FORMAT = 1
export const FORMAT_TEXT = `${SPOOL_FORMAT}\n`
const BYTES_MAX = 65_536

/** Who a spool is: made once, never changed. */
export interface Identity {
  node: string
  /** 32 hex digits, random, never used again: what peers know this spool's streams by. */
  id: string
}

/** Hears of a file that is read as what it was: one of its bits is flipped. `whole`: what it is to hold again. */
export type OnMended = (path: string, whole: string) => void

/**
 * The version in FORMAT; undefined when there is none (a spool still to be made).
 *
 * @throws DroprError FORMAT_NEWER, SPOOL_DAMAGED
 */
export async function readFormat(files: Files, root: string, onMended?: OnMended): Promise<number | undefined> {
  const path = `${root}/FORMAT`
  const bytes = await readIfThere(files, path)
  if (bytes === undefined) return undefined
  const isOurs = (tried: Buffer) => (tried.toString('latin1') === FORMAT_TEXT ? SPOOL_FORMAT : undefined)
  const mended = mendBit(bytes, isOurs)
  if (mended !== undefined) {
    onMended?.(path, FORMAT_TEXT)
    return mended
  }
  const [, digits] = /^\s*([0-9]{1,9})\s*$/.exec(bytes.toString('latin1')) ?? []
  if (digits === undefined) throw new DroprError('SPOOL_DAMAGED', `${path} holds no version number`)
  return knownFormat(Number(digits), path)
}

/**
 * The spool's identity; undefined when it has none yet. A spool that came up as somebody else would lose what is known of it
 * everywhere: a name or id that is not what was written is never taken.
 *
 * @throws DroprError FORMAT_NEWER, SPOOL_DAMAGED
 */
export async function readIdentity(files: Files, root: string, onMended?: OnMended): Promise<Identity | undefined> {
  const path = `${root}/node.json`
  const bytes = await readIfThere(files, path)
  if (bytes === undefined) return undefined
  try {
    return identityIn(bytes, path).identity
  } catch (error) {
    const mended = mendBit(bytes, tried => {
      const identity = checkedIdentity(tried, path)
      return identity && { identity, whole: textOf(JSON.parse(tried.toString()) as object) }
    })
    if (mended !== undefined) {
      onMended?.(path, mended.whole)
      return mended.identity
    }
    if (error instanceof DroprError) throw error
    throw new DroprError('SPOOL_DAMAGED', `${path}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

/** Files of earlier versions have no checksum. */
function identityIn(bytes: Buffer, path: string): { identity: Identity; checked: boolean } {
  const { format, id, node, crc } = JSON.parse(bytes.toString()) as Record<'format' | 'id' | 'node' | 'crc', unknown>
  knownFormat(format, path)
  if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id)) throw new TypeError('id must be 32 hex digits')
  const identity = { node: checkPeer(node, 'node'), id }
  if (crc !== undefined && crc !== crcOf(identity))
    throw new TypeError(`crc is ${JSON.stringify(crc)}, of this format, node and id it would be ${crcOf(identity)}`)
  return { identity, checked: crc !== undefined }
}

function checkedIdentity(bytes: Buffer, path: string): Identity | undefined {
  try {
    const { identity, checked } = identityIn(bytes, path)
    return checked ? identity : undefined
  } catch {
    return undefined
  }
}

function textOf(members: object): string {
  return `${JSON.stringify(members, undefined, 2)}\n`
}

function crcOf({ node, id }: Identity): string {
  return crc32(`${SPOOL_FORMAT} ${node} ${id}`).toString(16).padStart(8, '0')
}

/** Gives the spool an identity. When two processes do so at once, both come back with that of the first. */
export async function makeIdentity(system: System, root: string, node: string | undefined): Promise<Identity> {
  const { files, random, clock } = system
  const identity = { node: node ?? `node-${random.bytes(3).toString('hex')}`, id: random.bytes(16).toString('hex') }
  const createdAt = new Date(clock.now()).toISOString()
  const text = { format: SPOOL_FORMAT, ...identity, createdAt, crc: crcOf(identity) }
  const draft = `${root}/node.json.${random.bytes(6).toString('hex')}`
  await files.replace(draft, textOf(text))
  try {
    // A link, not a rename: it does not take the place of a node.json that another process has put there meanwhile.
    await files.link(draft, `${root}/node.json`)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  } finally {
    await files.remove(draft)
  }
  await files.syncFolder(root)
  return (await readIdentity(files, root)) ?? identity
}

function knownFormat(format: unknown, path: string): number {
  if (typeof format !== 'number' || !Number.isSafeInteger(format) || format < 1)
    throw new DroprError('SPOOL_DAMAGED', `${path} has format ${JSON.stringify(format)}`)
  if (format > SPOOL_FORMAT)
    throw new DroprError('FORMAT_NEWER', `${path} has format ${format}, this program knows ${SPOOL_FORMAT}`)
  return format
}

async function readIfThere(files: Files, path: string): Promise<Buffer | undefined> {
  try {
    return await files.read(path, BYTES_MAX)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
