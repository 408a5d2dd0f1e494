import type { Clock } from './clock.ts'

/** How often is looked, and how many quiet looks come before memory is given back. */
const LOOK_MS = 1_000
const QUIET_LOOKS = 2
/** A process that works less than this part of the time is quiet. */
const BUSY_PART = 0.05
/** Each time gives back a part of it: V8 keeps what new objects had until it has seen some seconds in which few came. */
const TIMES_MAX = 10

/** How much is given back. */
export interface Thrift {
  /** So much more heap than is in use is worth a pause; and such a part of what is in use. */
  spareBytes: number
  sparePart: number
  /** Only after so many quiet looks; otherwise after each, while it is worth it. */
  looks?: readonly number[]
}

/** What would be held for nothing. */
export const COARSE: Thrift = { spareBytes: 16_777_216, sparePart: 0 }
/**
 * All of it, so that every burst leaves the same: V8 keeps 8 MiB for new objects or 1 MiB, as it happens. Soon, and again when V8 has
 * seen five seconds in which few objects came. The allocator below must hold little: what is given back each time is taken again around
 * what has come to stay meanwhile.
 */
export const FINE: Thrift = { spareBytes: 2_097_152, sparePart: 1 / 16, looks: [2, 7, 8] }

/** What is asked of the process. */
export interface Heap {
  totalBytes(): number
  usedBytes(): number
  /** Processor time that the process has used, ms. */
  cpuMs(): number
  /** Collects garbage, and lets go of what is spare. */
  collect(): void
}

/**
 * The heap of this process; undefined where it was not started with --expose-gc.
 *
 * @param spare What the process keeps to use again: it counts as heap that is not in use, and goes first.
 */
export function processHeap(spare: { bytes(): number; letGo(): void }): Heap | undefined {
  const { gc } = globalThis
  if (gc === undefined) return undefined
  return {
    totalBytes: () => process.memoryUsage().heapTotal + spare.bytes(),
    usedBytes: () => process.memoryUsage().heapUsed,
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
    collect: () => {
      spare.letGo()
      gc()
    }
  }
}

/**
 * Gives memory back after a burst. V8 keeps what it once needed until it needs it again: a daemon that took in a million
 * messages would hold 40 MiB of nothing for ever. Only while there is nothing to do, since it takes some ms.
 */
export async function giveBackWhenQuiet(clock: Clock, heap: Heap, signal: AbortSignal, thrift = COARSE): Promise<void> {
  let cpu = heap.cpuMs()
  let at = clock.ticks()
  let times = TIMES_MAX
  let quiet = 0
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal)
    const [cpuNow, now] = [heap.cpuMs(), clock.ticks()]
    quiet = cpuNow - cpu < (now - at) * BUSY_PART ? quiet + 1 : 0
    if (quiet === 0) times = 0
    const due = thrift.looks?.includes(quiet) ?? quiet >= QUIET_LOOKS
    if (due && times < TIMES_MAX && isMuch(heap, thrift)) {
      heap.collect()
      times++
    }
    // Its own work is no burst.
    cpu = heap.cpuMs()
    at = clock.ticks()
  }
}

function isMuch(heap: Heap, { spareBytes, sparePart }: Thrift): boolean {
  const used = heap.usedBytes()
  return heap.totalBytes() - used > spareBytes + used * sparePart
}
