import { createHash } from 'node:crypto'
import { diskError } from '../errors.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'
import type { Spool } from './spool.ts'

/** Bytes of one file in corrupt/: damage is copied piece by piece, never whole in memory. */
const PIECE_BYTES = 8_388_608

/** Positions [from, to) of a stream: of the segment itself, unless another is named, as in an inbox. */
export type LostPositions = readonly [from: number, to: number, stream?: string]

/** Bytes that cannot be read as what they should be. */
export interface Damage {
  /** Absolute, of the segment. */
  path: string
  /** Places in the file, [from, to). */
  from: number
  to: number
  /** What is known to be lost, and what was saved, in positions of the stream. */
  lost: readonly LostPositions[]
  saved: number
  why: string
}

/** What each process has set aside or found so: it is not done again when somebody has moved the note away. */
const KNOWN = new WeakMap<Spool, Set<string>>()

/**
 * Copies damaged bytes to corrupt/, with a note beside them, and says so in the log. Resolved: both are durable. What has its
 * note there is known: nothing is written or logged again. Doing it again, after a crash, gives the same files.
 *
 * @throws DroprError DISK_*
 */
export async function quarantine(spool: Spool, reader: SegmentReader, damage: Damage): Promise<void> {
  const { files, clock, log } = spool.system
  const { path, from, to, lost, saved, why } = damage
  const name = `${spool.corrupt}/${reader.head.stream}-${from}-${digestOf(damage)}`
  const known = KNOWN.get(spool) ?? new Set<string>()
  KNOWN.set(spool, known)
  if (known.has(name)) return
  const copies: string[] = []
  try {
    if ((await files.stat(`${name}.json`)) !== undefined) {
      known.add(name)
      return
    }
    await spool.folders.ensure(spool.corrupt)
    for (let at = from; at < to; at += PIECE_BYTES) {
      const copy = at === from ? `${name}.bin` : `${name}+${at - from}.bin`
      await files.replace(copy, await reader.raw(at, Math.min(PIECE_BYTES, to - at)))
      copies.push(copy.slice(spool.corrupt.length + 1))
    }
    const note = {
      segment: path.startsWith(`${spool.path}/`) ? path.slice(spool.path.length + 1) : path,
      stream: reader.head.stream,
      fromByte: from,
      toByte: to,
      copies,
      lostPositions: lost,
      savedEntries: saved,
      why,
      foundAt: new Date(clock.now()).toISOString()
    }
    await files.replace(`${name}.json`, `${JSON.stringify(note, undefined, 2)}\n`)
  } catch (error) {
    throw diskError(error, `set aside bytes ${from} to ${to} of ${path}`)
  }
  known.add(name)
  log.error({ code: 'ENTRY_CORRUPT', path, from, to, lost, saved, note: `${name}.json` }, `damage set aside: ${why}`)
}

/** Two findings at one place (another bit has turned, or another reader knows less of it) have a note each. */
function digestOf({ to, lost, saved, why }: Damage): string {
  const found = JSON.stringify([to, lost, saved, why])
  return createHash('sha256').update(found).digest('hex').slice(0, 16)
}
