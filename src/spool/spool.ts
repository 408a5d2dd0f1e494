import { dirname, resolve } from 'node:path'
import { DroprError, diskError, systemCode } from '../errors.ts'
import { Blocks } from '../journal/blocks.ts'
import { Folders } from '../journal/folders.ts'
import type { ChannelPolicy, Limits } from '../limits.ts'
import { PRIORITY } from '../message.ts'
import { checkPeer, decodeChannel, encodeChannel } from '../names.ts'
import type { Files } from '../system/files.ts'
import type { System } from '../system/system.ts'
import { FORMAT_TEXT, type Identity, makeIdentity, readFormat, readIdentity } from './spool-identity.ts'
import { SPOOL_README } from './spool-readme.ts'
import { checkSpoolFolder } from './spool-safety.ts'

const ROOMS = ['outbox', 'acked', 'inbox', 'dead', 'corrupt', 'run'] as const

export interface SpoolOptions {
  system: System
  path: string
  /** The name of this node. Not given: the one it has, or a random one. */
  node?: string | undefined
  limits: Limits
  /** What some channels have instead of the limits. */
  channels?: ReadonlyMap<string, Partial<ChannelPolicy>> | undefined
}

/** A spool that is safe to use and of a format we know: where everything lies. Holds nothing open. */
export class Spool {
  readonly system: System
  readonly limits: Limits
  readonly channels: ReadonlyMap<string, Partial<ChannelPolicy>>
  /** Absolute. */
  readonly path: string
  readonly node: string
  /** 32 hex digits. */
  readonly id: string
  readonly folders: Folders
  /** What is sent passes through these. */
  readonly blocks = new Blocks()

  private constructor(options: SpoolOptions, path: string, identity: Identity) {
    this.system = options.system
    this.limits = options.limits
    this.channels = options.channels ?? new Map()
    this.path = path
    this.node = identity.node
    this.id = identity.id
    this.folders = new Folders(options.system.files, path)
  }

  /**
   * Opens a spool, making what is missing; all of it durable when resolved.
   *
   * @throws TypeError for a node name that is none.
   * @throws DroprError SPOOL_UNSAFE, SPOOL_TAKEN, FORMAT_NEWER, NODE_NAME_FIXED, SPOOL_DAMAGED before anything is written; DISK_*.
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const path = resolve(options.path)
    if (options.node !== undefined) checkPeer(options.node, 'node')
    try {
      return new Spool(options, path, await open(options, path))
    } catch (error) {
      throw diskError(error, `open the spool ${path}`)
    }
  }

  /** The folder of one destination's messages: a stream is a file in it. */
  outbox(peer: string, channel: string, priority: number): string {
    if (!Number.isInteger(priority) || priority < PRIORITY.min || priority > PRIORITY.max)
      throw new TypeError(`priority must be a whole number from ${PRIORITY.min} to ${PRIORITY.max}, got ${priority}`)
    return `${this.outboxOf(peer)}/${encodeChannel(channel)}/${priority}`
  }

  outboxOf(peer: string): string {
    return `${this.path}/outbox/${checkPeer(peer)}`
  }

  inbox(channel: string): string {
    return `${this.path}/inbox/${encodeChannel(channel)}`
  }

  dead(channel: string): string {
    return `${this.path}/dead/${encodeChannel(channel)}`
  }

  get acked(): string {
    return `${this.path}/acked`
  }

  get run(): string {
    return `${this.path}/run`
  }

  get corrupt(): string {
    return `${this.path}/corrupt`
  }

  /** @param name Ours, never from outside. */
  socket(name: string): string {
    return `${this.path}/run/${name}.sock`
  }

  inboxChannels(): Promise<string[]> {
    return this.channelsIn(`${this.path}/inbox`)
  }

  deadChannels(): Promise<string[]> {
    return this.channelsIn(`${this.path}/dead`)
  }

  /** Those for whom something was ever sent, configured or not. */
  async outboxPeers(): Promise<string[]> {
    return (await foldersIn(this.system.files, `${this.path}/outbox`)).filter(isPeer).sort()
  }

  /** The channels a folder of ours holds. Links and folders that dropr did not make are left alone. */
  async channelsIn(folder: string): Promise<string[]> {
    const channels: string[] = []
    for (const name of await foldersIn(this.system.files, folder)) {
      const channel = decodeChannel(name)
      if (channel !== undefined) channels.push(channel)
    }
    return channels.sort()
  }
}

async function open(options: SpoolOptions, path: string): Promise<Identity> {
  const { system, node } = options
  const { files, log } = system
  const there = await checkSpoolFolder({ files, log, path, uid: process.getuid?.() })
  const mended = new Map<string, string>()
  const onMended = (file: string, whole: string) => {
    log.error({ code: 'SPOOL_DAMAGED', path: file }, 'a bit of it is flipped: it is read as what was written')
    mended.set(file, whole)
  }
  const format = there ? await readFormat(files, path, onMended) : undefined
  const known = there ? await readIdentity(files, path, onMended) : undefined
  if (known !== undefined && node !== undefined && known.node !== node)
    throw new DroprError('NODE_NAME_FIXED', `${path} is node ${known.node}, it cannot become ${node}`)
  if (there) await syncParent(files, path)
  else await makeRoot(files, path)
  for (const [file, whole] of mended) await writeAgain(system, file, whole)
  if (format === undefined) await files.replace(`${path}/FORMAT`, FORMAT_TEXT)
  await makeRooms(files, path)
  const identity = known ?? (await makeIdentity(system, path, node))
  if (node !== undefined && identity.node !== node)
    throw new DroprError('NODE_NAME_FIXED', `${path} has just become node ${identity.node}, it cannot become ${node}`)
  return identity
}

/** The folder and what is missing above it, each name durable before anything is put inside. */
async function makeRoot(files: Files, path: string): Promise<void> {
  try {
    await files.makeFolder(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeRoot(files, dirname(path))
    await files.makeFolder(path)
  }
  await files.syncFolder(dirname(path))
}

/** A second flipped bit could not be mended. Where it cannot be written it is mended by whoever reads it, as before. */
async function writeAgain({ files, log }: System, path: string, whole: string): Promise<void> {
  try {
    await files.replace(path, whole)
  } catch (error) {
    log.error({ code: 'SPOOL_DAMAGED', path, error: String(error) }, 'it could not be written again as it was')
  }
}

/** Who made the folder may not have lived to sync its name, or failed to. A parent that we may not read is not ours to sync. */
async function syncParent(files: Files, path: string): Promise<void> {
  try {
    await files.syncFolder(dirname(path))
  } catch (error) {
    if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') throw error
  }
}

async function makeRooms(files: Files, path: string): Promise<void> {
  const names = new Set((await files.list(path)).map(entry => entry.name))
  const missing = ROOMS.filter(room => !names.has(room))
  for (const room of missing) await files.makeFolder(`${path}/${room}`)
  // A README that is there may be yours, and stays.
  if (!names.has('README.md')) await files.replace(`${path}/README.md`, SPOOL_README)
  else if (missing.length > 0) await files.syncFolder(path)
}

/** The folders in a folder; none when it is not there. */
export async function foldersIn(files: Files, folder: string): Promise<string[]> {
  try {
    return (await files.list(folder)).filter(entry => entry.kind === 'folder').map(entry => entry.name)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw diskError(error, `list ${folder}`)
  }
}

function isPeer(name: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(name)
}
