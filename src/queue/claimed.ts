import { type CheckedEntries, checkEntries } from '../journal/check-entries.ts'
import { entryBytes } from '../journal/entry.ts'
import { wholeRest } from '../journal/salvage.ts'
import type { ClaimRun } from '../server/inbox-port.ts'
import type { ReadFiles } from './read-files.ts'

/** The entries of one run: `offsets` has one for each, damaged ones too. */
export interface ReadRun {
  run: ClaimRun
  bytes: Buffer
  offsets: Uint32Array
  /** Index of an entry that must not be handed over, and why. */
  damaged: ReadonlyMap<number, string> | undefined
}

/** Frame headers between two runs cost less to read along than a second call. */
const GAP_BYTES_MAX = 4_096
const READ_BYTES_MAX = 4_194_304
/** What came so lately is in the system's memory: so much of it is read at once. */
const FRESH = { ms: 1_000, bytesMax: 32_768 }
/** How large an entry may be was decided when it was received. */
const ANY = { entryBytesMax: Number.POSITIVE_INFINITY, messagesOnly: true } as const

/**
 * Reads what a claim names, and checks every entry before anybody sees it.
 *
 * Runs that lie close together are read in one call. Rejects with the system's error when a file cannot be read.
 *
 * @param now Wall ms.
 */
export async function readRuns(files: ReadFiles, runs: readonly ClaimRun[], now: number): Promise<ReadRun[]> {
  const groups = groupRuns(runs)
  const read = await Promise.all(groups.map(group => readGroup(files, group, now)))
  return read.flat()
}

/** Runs to be read in one call: in the same file, one after the other, close together. */
export function groupRuns(runs: readonly ClaimRun[]): ClaimRun[][] {
  const groups: ClaimRun[][] = []
  for (const run of runs) {
    const group = groups.at(-1)
    const first = group?.[0]
    const last = group?.at(-1)
    const gap = last === undefined ? -1 : run.at - (last.at + last.bytes)
    const near = gap >= 0 && gap <= GAP_BYTES_MAX && run.path === last!.path
    if (near && run.at + run.bytes - first!.at <= READ_BYTES_MAX) group!.push(run)
    else groups.push([run])
  }
  return groups
}

async function readGroup(files: ReadFiles, group: readonly ClaimRun[], now: number): Promise<ReadRun[]> {
  const first = group[0]!
  const last = group.at(-1)!
  const length = last.at + last.bytes - first.at
  const fresh = length <= FRESH.bytesMax && now - first.receivedAt <= FRESH.ms
  const read = checkRuns(group, await files.read(first.path, first.at, length, fresh ? 'fresh' : 'ahead'))
  if (fresh || read.every(({ damaged }) => damaged === undefined)) return read
  return checkRuns(group, await files.read(first.path, first.at, length, 'straight'))
}

function checkRuns(group: readonly ClaimRun[], bytes: Buffer): ReadRun[] {
  return group.map(run => {
    const from = Math.min(run.at - group[0]!.at, bytes.length)
    return checkRun(run, bytes.subarray(from, Math.min(from + run.bytes, bytes.length)))
  })
}

/** Finds the entries of a run. One that is damaged costs itself only, also when its length cannot be believed. */
export function checkRun(run: ClaimRun, bytes: Buffer): ReadRun {
  let checked = checkEntries(bytes, ANY)
  if (checked.bad === undefined && checked.count === run.count) {
    return { run, bytes, offsets: checked.offsets, damaged: undefined }
  }
  const offsets: number[] = []
  const damaged = new Map<number, string>()
  for (;;) {
    for (let i = 0; i < checked.count; i++) offsets.push(checked.offsets[i]!)
    if (checked.bad === undefined || checked.bad === 'torn') break
    damaged.set(offsets.length, faultOf(checked))
    offsets.push(checked.end)
    checked = checkEntries(bytes, ANY, checked.end + entryBytes(bytes, checked.end))
  }
  if (offsets.length !== run.count || checked.bad !== undefined) {
    const first = Math.min(offsets.length, run.count, ...damaged.keys())
    const begin = offsets[first] ?? checked.end
    distrust(offsets, damaged, { first, count: run.count, fault: faultOf(checked) })
    if (bytes.length === run.bytes) trustRest(offsets, damaged, { first, count: run.count, bytes, begin })
  }
  return { run, bytes, offsets: Uint32Array.from(offsets), damaged }
}

/** The entries do not add up: a length is wrong, so nothing after the first damaged one is where it should be. */
function distrust(
  offsets: number[],
  damaged: Map<number, string>,
  { first, count, fault }: { first: number; count: number; fault: string }
): void {
  offsets.length = first
  for (let i = first; i < count; i++) {
    offsets.push(0)
    damaged.set(i, damaged.get(i) ?? fault)
  }
}

/** Whole entries that reach exactly to the end are the last ones, whatever lies between them and the first damaged one. */
function trustRest(
  offsets: number[],
  damaged: Map<number, string>,
  { first, count, bytes, begin }: { first: number; count: number; bytes: Buffer; begin: number }
): void {
  const rest = wholeRest(bytes, begin + 1, bytes.length)
  rest.forEach(([from, to], i) => {
    const index = count - rest.length + i
    if (index <= first || checkEntries(bytes.subarray(from, to), ANY).bad !== undefined) return
    offsets[index] = from
    damaged.delete(index)
  })
}

function faultOf(checked: CheckedEntries): string {
  return checked.detail ?? checked.bad ?? 'there are not as many entries as claimed'
}
