import { Readable } from 'node:stream'
// What is loaded at its first use is there before: simulated time does not wait for the real disk.
import '../../src/scheduler/schedule.ts'
import type { Message } from '../../src/queue/message.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const LIMITS = { messageBytesMax: 1_024, blobPieceBytes: 1_024, scanMs: 20_000 }
export const SEEDS = Number(process.env.DROPR_SEEDS ?? 16)
export const FOLDER = `${SPOOL}/outbox/berlin/common/4`

export function bed(seed: number, limits = {}): SimNodes {
  return new SimNodes({ seed, names: ['berlin'], limits: { ...LIMITS, ...limits } })
}

/** Bytes in parts whose memory is used again, as the parts of some streams are. */
export async function* reusing(bytes: Buffer, partBytes: number): AsyncGenerator<Buffer> {
  const part = Buffer.alloc(partBytes)
  for (let at = 0; at < bytes.length; at += partBytes) yield part.subarray(0, bytes.copy(part, 0, at, at + partBytes))
}

export function names(sim: SimNodes, folder: string): string[] {
  return [...(sim.machine('berlin').disk.disk.folder(folder).names.keys() ?? [])].sort()
}

export async function read(sim: SimNodes, message: Message): Promise<Buffer> {
  return sim.until(Readable.prototype.toArray.call(message.stream()).then(parts => Buffer.concat(parts as Buffer[])))
}

export const bytesOf = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8)) & 255))

/** All files of large bodies, wherever in the spool. */
export function blobs(sim: SimNodes, folder = SPOOL): string[] {
  const found: string[] = []
  for (const [name, node] of sim.machine('berlin').disk.disk.folder(folder).names) {
    if (node.kind === 'folder') found.push(...blobs(sim, `${folder}/${name}`))
    else if (/\.(blob|part)$/.test(name)) found.push(`${folder}/${name}`)
  }
  return found
}
