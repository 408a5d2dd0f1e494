import { decodeMessage, entryBytes } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import type { Draft } from '../../src/message.ts'
import { OpenFiles } from '../../src/spool/open-files.ts'
import { OutboxWriter } from '../../src/spool/outbox-writer.ts'
import { Spool } from '../../src/spool/spool.ts'
import { type Range, StreamReader } from '../../src/spool/stream-reader.ts'
import type { LogFields } from '../../src/system/log.ts'
import { systemError } from '../../src/system/node-calls.ts'
import { SimClock, SimFiles, SimRandom } from '../../src/system/sim/index.ts'
import type { Line } from '../../src/system/sockets.ts'
import type { System } from '../../src/system/system.ts'

export const TO = { peer: 'tokyo', channel: 'common', priority: 4 }
export const FOLDER = '/s/outbox/tokyo/common/4'

/** A spool on a simulated disk whose calls end at the next microtask; writers live as long as they are in `alive`. */
export async function desk(options: { seed?: number | string; limits?: Partial<Limits>; node?: string } = {}) {
  const random = new SimRandom(options.seed ?? 1)
  const clock = new SimClock()
  const disk = new SimFiles({ random: random.fork('disk') })
  const alive = new Set<string>()
  const asked: string[] = []
  const logged: { level: string; fields: LogFields; text: string }[] = []
  const log = (level: string) => (fields: LogFields, text: string) => void logged.push({ level, fields, text })
  const system: System = {
    clock,
    random,
    files: disk,
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    watch: { folder: () => ({ close: () => Promise.resolve() }) },
    sockets: {
      listen: () => Promise.reject(new Error('not here')),
      connect: path => {
        asked.push(path)
        const writer = path.slice(path.lastIndexOf('/') + 1, -'.sock'.length)
        if (alive.has(writer)) return Promise.resolve({ end: () => undefined } as Line)
        return Promise.reject(systemError('ECONNREFUSED', path))
      }
    }
  }
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const open = (node = options.node) => Spool.open({ system, path: '/s', node, limits })
  const spool = await open(options.node ?? 'berlin')
  const ids = new Ids(clock, random)
  const writer = (name: string, poke?: ConstructorParameters<typeof OutboxWriter>[0]['poke']) => {
    alive.add(name)
    return new OutboxWriter({ spool, writer: name, ids, ...(poke === undefined ? {} : { poke }) })
  }
  const openFiles = new OpenFiles(limits.filesOpenMax)
  return { random, clock, disk, system, spool, open, ids, writer, alive, asked, logged, limits, openFiles }
}

/** A reader for each segment of FOLDER that has a whole head. */
export async function streams({ spool, disk, openFiles }: Awaited<ReturnType<typeof desk>>): Promise<StreamReader[]> {
  const found: StreamReader[] = []
  for (const segment of await listSegments(disk, FOLDER)) {
    const stream = await StreamReader.open({ spool, segment, channel: 'common', priority: 4, openFiles })
    if (stream !== undefined) found.push(stream)
  }
  return found
}

export const text = (body: string, more: Partial<Draft> = {}): Draft => ({
  kind: 'text',
  body,
  sentAt: 1_700_000_000_000,
  ...more
})

/** Sends texts one after the other: each in a commit of its own. */
export async function sendEach(writer: OutboxWriter, bodies: readonly string[], to = TO): Promise<void> {
  for (const body of bodies) await writer.append(to, text(body), id => id)
}

export function bodiesIn(entries: Buffer): string[] {
  const bodies: string[] = []
  for (let at = 0; at < entries.length; at += entryBytes(entries, at))
    bodies.push(decodeMessage(entries, at).body.toString())
  return bodies
}

/** Ranges from `from` until nothing more comes. Checks that each begins where the last ended. */
export async function drain(stream: StreamReader, from = 0, bytesMax = 1_048_576): Promise<Range[]> {
  const ranges: Range[] = []
  let next = from
  for (let range = await stream.read(next, bytesMax); range; range = await stream.read(next, bytesMax)) {
    if (range.from !== next || range.to <= next) throw new Error(`range ${range.from}..${range.to} instead of ${next}`)
    ranges.push(range)
    next = range.to
  }
  return ranges
}

/** What arrives: bodies, and in their place what is skipped. */
export function arriving(ranges: readonly Range[]): string[] {
  return ranges.flatMap(range =>
    range.skip === undefined
      ? bodiesIn(range.entries)
      : Array.from({ length: range.to - range.from }, () => `<${range.skip}>`)
  )
}

export const numbered = (count: number, prefix = 'm') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
