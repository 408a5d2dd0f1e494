import { Readable } from 'node:stream'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import type { Message } from '../../src/queue/message.ts'
import { Scheduler } from '../../src/scheduler/index.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'
import { tree } from './desk.ts'

export const LIMITS = { messageBytesMax: 1_024, blobPieceBytes: 1_024, scanMs: 2_000 }
export const DELAY_MS = 60_000
export const bytesOf = (count: number, seed = 7) =>
  Buffer.from(Array.from({ length: count }, (_, i) => (i * seed) & 255))
export const streamOf = (bytes: Buffer) => Readable.from([bytes])

export function bed(seed: number, limits: Partial<Limits> = {}): SimNodes {
  return new SimNodes({ seed, names: ['berlin'], limits: { ...LIMITS, ...limits } })
}

export async function scheduler(sim: SimNodes, process = 'scheduler'): Promise<Scheduler> {
  const limits = { ...DEFAULT_LIMITS, ...LIMITS }
  const system = sim.machine('berlin').process(process)
  const spool = await sim.until(Spool.open({ system, path: SPOOL, node: 'berlin', limits }))
  return sim.until(Scheduler.start({ spool }))
}

/** The large bodies below a room, by the folder they lie in. */
export async function blobs(sim: SimNodes, room: string): Promise<string[]> {
  const found = await sim.until(tree(sim.machine('berlin').disk, `${SPOOL}/${room}`))
  return found.filter(name => /\.(blob|part)$/.test(name)).map(name => name.slice(0, name.lastIndexOf('/')))
}

export async function read(sim: SimNodes, message: Message): Promise<Buffer> {
  return sim.until(Readable.prototype.toArray.call(message.stream()).then(parts => Buffer.concat(parts as Buffer[])))
}
