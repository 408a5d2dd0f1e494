import { entriesIn, idsIn } from '../journal/ids-in.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { POINTS, type UploadMade } from '../system/points.ts'
import type { UploadAnswer, UploadRequest } from '../wire/upload.ts'
import type { ServerWork } from './health.ts'
import { typedError } from './http-errors.ts'
import type { RangeStore } from './receiver.ts'

/** A debug line names so many ids at most. */
const IDS_MAX = 5_000

/** Faults of the sender, or of nobody: they say nothing of whether this node can store. */
const OWN_FAULT = /^(?:DISK_|FILES_|SPOOL_|UNEXPECTED$)/

/** Counts uploads and what came in with them, and lets them be followed: metrics, `dropr:receive`, and at level debug a line each. */
export class Arrivals {
  readonly #options: { clock: Clock; log: Log; store: RangeStore }
  /** By sending node: messages taken. */
  readonly received = new Map<string, number>()
  readonly failures = new Map<string, number>()
  repeated = 0
  uploads = 0
  /** Wall ms; undefined until one came. */
  lastUploadAt: number | undefined
  readonly #inHand = new Set<{ at: number }>()
  #failingSince: number | undefined

  constructor(options: { clock: Clock; log: Log; store: RangeStore }) {
    this.#options = options
  }

  get work(): ServerWork {
    let oldestUploadAt: number | undefined
    for (const { at } of this.#inHand) oldestUploadAt = Math.min(at, oldestUploadAt ?? at)
    return { oldestUploadAt, failingSince: this.#failingSince }
  }

  async take(request: UploadRequest, receive: () => Promise<UploadAnswer>): Promise<UploadAnswer> {
    const { clock, store } = this.#options
    const mine = { at: clock.now() }
    this.#inHand.add(mine)
    const began = clock.ticks()
    const before = store.stream(request.stream)?.next ?? 0
    try {
      const answer = await receive()
      this.#stored(request, before)
      this.#tell(request, { next: answer.next, code: undefined, ms: clock.ticks() - began })
      return answer
    } catch (error) {
      const { code } = typedError(error)
      this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
      if (OWN_FAULT.test(code)) this.#failingSince ??= clock.now()
      this.#tell(request, { next: undefined, code, ms: clock.ticks() - began })
      throw error
    } finally {
      this.#inHand.delete(mine)
    }
  }

  /** Positions of the request that were here before are repeats; those between are this node's now. */
  #stored({ from, entries, node, skip }: UploadRequest, before: number): void {
    this.#failingSince = undefined
    this.uploads++
    this.lastUploadAt = this.#options.clock.now()
    if (skip !== undefined) return
    const count = entriesIn(entries)
    const repeated = Math.min(Math.max(0, before - from), count)
    this.repeated += repeated
    this.received.set(node, (this.received.get(node) ?? 0) + count - repeated)
  }

  #tell(request: UploadRequest, how: Pick<UploadMade, 'next' | 'code' | 'ms'>): void {
    const { log } = this.#options
    if (log.debugs !== true && !POINTS.receive.on) return
    const { node: peer, channel, stream, from, entries } = request
    const made: UploadMade = { peer, channel, stream, from, bytes: entries.length, ...how }
    if (POINTS.receive.on) POINTS.receive.publish(made)
    if (log.debugs !== true) return
    // Of an upload that was refused nobody has checked what it holds.
    const ids = how.code === undefined ? { ids: idsIn(entries, IDS_MAX) } : {}
    log.debug({ ...made, ...ids }, 'received')
  }
}
