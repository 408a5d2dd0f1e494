import { DroprError, diskError, systemCode } from '../errors.ts'
import type { Claim, ClaimRequest, InboxPort, PeekRequest, SteerRequest, SteerResult } from '../server/inbox-port.ts'
import type { System } from '../system/system.ts'
import { type ReadRun, readRuns } from './claimed.ts'
import { InboxLink } from './inbox-link.ts'
import { Lease, Leases } from './lease.ts'
import { Batch, type Part } from './part.ts'
import { type Peeked, peekedMessages } from './peeked.ts'
import { ReadFiles } from './read-files.ts'
import { Renewer } from './renew.ts'
import type { SendReply } from './reply.ts'
import { Verdicts } from './verdicts.ts'

/** What could not be read is handed out again after this, to whoever can read it. */
const UNREAD_MS = 1_000

/** Claims messages and reads them: what `poll`, `messages` and `consume` have in common. */
export class Intake {
  readonly verdicts: Verdicts
  readonly renewer: Renewer
  readonly leases: Leases
  readonly #link: InboxLink
  readonly #system: System
  readonly #files: ReadFiles
  readonly #reply: SendReply
  /** Over when every claim answered so far has been read. */
  #readBefore: Promise<unknown> = Promise.resolve()

  constructor(system: System, attach: () => Promise<InboxPort>, reply: SendReply = nobody) {
    this.#system = system
    this.#reply = reply
    this.#files = new ReadFiles(system.files)
    const { clock, log } = system
    this.leases = new Leases(clock)
    this.#link = new InboxLink(attach, this.leases)
    const desk = { link: this.#link, leases: this.leases, clock }
    this.renewer = new Renewer(desk, log)
    this.verdicts = new Verdicts({ ...desk, log })
  }

  /** Undefined when there was nothing within `waitMs`. Rejects with ABORTED, or what the owner or the disk said. */
  async take(request: ClaimRequest, signal?: AbortSignal): Promise<Batch | undefined> {
    let asked = 0
    const claim = await this.#link.use(port => {
      asked = this.#system.clock.ticks()
      return port.claim(request, signal)
    })
    if (claim.lease === '') return undefined
    const lease = new Lease({
      id: claim.lease,
      ms: claim.leaseMs,
      until: claim.leaseUntil,
      untilTicks: asked + (claim.waitedMs ?? 0) + claim.leaseMs,
      open: claim.runs.reduce((count, run) => count + run.count, 0)
    })
    this.leases.add(lease)
    const batch = await this.#inOrder(this.#read(claim, lease))
    if (!signal?.aborted) return batch
    batch.release()
    throw new DroprError('ABORTED', 'aborted', signal.reason)
  }

  /** What waits, left as it is. Rejects with what the owner or the disk said. */
  async peek(request: PeekRequest): Promise<Peeked[]> {
    const runs = await this.#link.use(port => port.peek(request))
    try {
      const now = this.#system.clock.now()
      return peekedMessages(await readRuns(this.#files, runs, now), now)
    } catch (error) {
      throw systemCode(error) === undefined ? error : diskError(error, `read ${runs[0]?.path ?? request.channel}`)
    }
  }

  /** Resolves when synced; rejects with what the owner or the disk said. */
  async steer(request: SteerRequest): Promise<SteerResult> {
    return await this.#link.use(port => port.steer(request))
  }

  /** Gives back everything held. */
  async close(): Promise<void> {
    this.renewer.close()
    await this.verdicts.idle()
    this.verdicts.close()
    this.#files.close()
    await this.#link.close()
    this.leases.loseAll()
  }

  /** Several claims are read at the same time; they end in the order in which they were answered. */
  async #inOrder<T>(reading: Promise<T>): Promise<T> {
    const before = this.#readBefore
    // Without what they gave: each would hold the batch before it, back to the first.
    this.#readBefore = Promise.allSettled([before, reading]).then(() => undefined)
    await before
    return reading
  }

  async #read(claim: Claim, lease: Lease): Promise<Batch> {
    try {
      const read = await readRuns(this.#files, claim.runs, this.#system.clock.now())
      return new Batch(
        lease,
        read.map(run => this.#part(lease, run))
      )
    } catch (error) {
      // Nobody gave it back by a verdict: it is not the message's fault.
      for (const run of claim.runs) {
        const part = this.#part(lease, { run, bytes: Buffer.alloc(0), offsets: new Uint32Array(0), damaged: undefined })
        for (let i = 0; i < run.count; i++) this.verdicts.quiet(part, i, 'release', { afterMs: UNREAD_MS })
      }
      if (systemCode(error) === undefined) throw error
      throw diskError(error, `read ${claim.runs[0]?.path ?? 'a claim'}`)
    }
  }

  #part(lease: Lease, read: ReadRun): Part {
    // Named one by one: a spread costs more than all the rest.
    return {
      run: read.run,
      bytes: read.bytes,
      offsets: read.offsets,
      damaged: read.damaged,
      verdicts: this.verdicts,
      reply: this.#reply,
      clock: this.#system.clock,
      files: this.#system.files,
      lease,
      acks: undefined,
      ackAwaited: undefined
    }
  }
}

function nobody(): Promise<never> {
  return Promise.reject(new TypeError('this queue cannot reply'))
}
