import { diskError, systemCode } from '../errors.ts'
import { checkPeer } from '../names.ts'
import type { Files } from '../system/files.ts'
import type { Spool } from './spool.ts'

/** A file of a million runs has about twenty. */
const FILE_BYTES_MAX = 268_435_456

/*
 * Messages of the outbox that an operator does not want sent: a file each peer in `cancelled/`, written by the inbox's owner. Who
 * sends to that peer skips them openly, as `cancelled`, unless they are there already.
 *
 *     cancelled/<peer>.json   {"<stream>":[[from,to],...],...}
 */

type Run = [from: number, to: number]

/** Which positions of the streams to one peer are cancelled. */
export class Cancelled {
  /** By stream; sorted, apart from each other. */
  readonly #streams: Map<string, Run[]>

  constructor(streams: Iterable<[string, Run[]]> = []) {
    this.#streams = new Map(streams)
  }

  has(stream: string, position: number): boolean {
    const runs = this.#streams.get(stream)
    if (runs === undefined) return false
    let low = 0
    let high = runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (runs[middle]![1] <= position) low = middle + 1
      else high = middle
    }
    return low < runs.length && runs[low]![0] <= position
  }

  /** Whether any position of a stream is. */
  knows(stream: string): boolean {
    return this.#streams.has(stream)
  }

  /** @param positions Ascending. */
  add(stream: string, positions: readonly number[]): void {
    const all = [...(this.#streams.get(stream) ?? []), ...positions.map((at): Run => [at, at + 1])]
    const joined: Run[] = []
    for (const [from, to] of all.sort((a, b) => a[0] - b[0])) {
      const last = joined.at(-1)
      if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
      else joined.push([from, to])
    }
    this.#streams.set(stream, joined)
  }

  /** Forgets what is of other streams. True when there was any. */
  keepOnly(streams: ReadonlySet<string>): boolean {
    const before = this.#streams.size
    for (const id of this.#streams.keys()) if (!streams.has(id)) this.#streams.delete(id)
    return this.#streams.size < before
  }

  toJSON(): object {
    return Object.fromEntries(this.#streams)
  }
}

/** Undefined where nothing is cancelled. @throws DroprError DISK_*, SPOOL_DAMAGED never: what cannot be read is sent. */
export async function readCancelled(files: Files, spool: string, peer: string): Promise<Cancelled | undefined> {
  const path = `${spool}/cancelled/${checkPeer(peer)}.json`
  try {
    const rows: unknown = JSON.parse((await files.read(path, FILE_BYTES_MAX)).toString())
    if (typeof rows !== 'object' || rows === null) return undefined
    return new Cancelled(Object.entries(rows).filter(([, runs]) => areRuns(runs)))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === undefined) return undefined
    throw diskError(error, `read ${path}`)
  }
}

/** Durable when resolved. @throws DroprError DISK_* */
export async function writeCancelled(spool: Spool, peer: string, cancelled: Cancelled): Promise<void> {
  const path = `${spool.path}/cancelled/${checkPeer(peer)}.json`
  try {
    await spool.folders.ensure(`${spool.path}/cancelled`)
    await spool.system.files.replace(path, `${JSON.stringify(cancelled)}\n`)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}

function areRuns(runs: unknown): runs is Run[] {
  return (
    Array.isArray(runs) && runs.every(run => Array.isArray(run) && run.length === 2 && run.every(Number.isSafeInteger))
  )
}
