import { DroprError, systemCode } from '../errors.ts'
import { checkPeer } from '../names.ts'
import type { Files } from '../system/files.ts'
import type { System } from '../system/system.ts'

/** The version of everything on disk below a spool. */
export const SPOOL_FORMAT = 1
const BYTES_MAX = 65_536

/** Who a spool is: made once, never changed. */
export interface Identity {
  node: string
  /** 32 hex digits, random, never used again: what peers know this spool's streams by. */
  id: string
}

/**
 * The version in FORMAT; undefined when there is none (a spool still to be made).
 *
 * @throws DroprError FORMAT_NEWER, SPOOL_DAMAGED
 */
export async function readFormat(files: Files, root: string): Promise<number | undefined> {
  const bytes = await readIfThere(files, `${root}/FORMAT`)
  if (bytes === undefined) return undefined
  const [, digits] = /^\s*([0-9]{1,9})\s*$/.exec(bytes.toString('latin1')) ?? []
  if (digits === undefined) throw new DroprError('SPOOL_DAMAGED', `${root}/FORMAT holds no version number`)
  return knownFormat(Number(digits), `${root}/FORMAT`)
}

/** The spool's identity; undefined when it has none yet. */
export async function readIdentity(files: Files, root: string): Promise<Identity | undefined> {
  const path = `${root}/node.json`
  const bytes = await readIfThere(files, path)
  if (bytes === undefined) return undefined
  try {
    const { format, id, node } = JSON.parse(bytes.toString()) as { format: unknown; id: unknown; node: unknown }
    knownFormat(format, path)
    if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id)) throw new TypeError('id must be 32 hex digits')
    return { node: checkPeer(node, 'node'), id }
  } catch (error) {
    if (error instanceof DroprError) throw error
    throw new DroprError('SPOOL_DAMAGED', `${path}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

/** Gives the spool an identity. When two processes do so at once, both come back with that of the first. */
export async function makeIdentity(system: System, root: string, node: string | undefined): Promise<Identity> {
  const { files, random, clock } = system
  const identity = { node: node ?? `node-${random.bytes(3).toString('hex')}`, id: random.bytes(16).toString('hex') }
  const text = { format: SPOOL_FORMAT, ...identity, createdAt: new Date(clock.now()).toISOString() }
  const draft = `${root}/node.json.${random.bytes(6).toString('hex')}`
  await files.replace(draft, `${JSON.stringify(text, undefined, 2)}\n`)
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
