import { decodeMessage, entryBytes } from '../../src/journal/entry.ts'
import type { SimProcess, SimRandom, SimWorld } from '../../src/system/sim/index.ts'
import type { FaultRates, LoopbackFault } from '../../src/wire/loopback-faults.ts'
import { SeededFaults } from '../../src/wire/loopback-faults.ts'
import { LoopbackTransport } from '../../src/wire/loopback-transport.ts'
import type { PeerAddress, ReceiveUpload, Transport } from '../../src/wire/transport.ts'
import type { UploadAnswer, UploadRequest } from '../../src/wire/upload.ts'
import { uploadFailure } from '../../src/wire/upload-failure.ts'
import { tokenIn } from './ledger.ts'
import type { Site } from './site.ts'
import type { Trace } from './trace.ts'

/** One direction between two nodes. */
export interface Link {
  faults: SeededFaults
  /** Requests are swallowed. */
  cut: boolean
  /** Answers are swallowed. */
  deaf: boolean
}

/** Between all nodes: every upload passes here. */
export class Network {
  readonly #world: SimWorld
  readonly #random: SimRandom
  readonly #trace: Trace
  readonly #sites = new Map<string, Site>()
  readonly #links = new Map<string, Link>()
  /** Uploads in which a bit was turned. */
  flips = 0
  /** Called with each answer as it leaves a server: what it says must be on the disk now (P3). */
  onAnswer: (site: Site, answer: UploadAnswer) => void = () => undefined

  constructor(world: SimWorld, trace: Trace) {
    this.#world = world
    this.#trace = trace
    this.#random = world.random.fork('network')
  }

  add(site: Site): void {
    this.#sites.set(site.name, site)
  }

  link(from: string, to: string): Link {
    const key = `${from} ${to}`
    const link = this.#links.get(key) ?? {
      faults: new SeededFaults(this.#random.fork(key), {}),
      cut: false,
      deaf: false
    }
    this.#links.set(key, link)
    return link
  }

  /**
   * @param rates Of every link from now on, each drawn by itself.
   * @param spared Between these all goes well: what a bad wire between two nodes holds up is nobody else's fault.
   */
  mood(rates: (random: SimRandom) => FaultRates, spared: ReadonlySet<string> = new Set()): void {
    for (const [key, link] of this.#links) {
      const drawn = rates(this.#random)
      link.faults.rates = key.split(' ').every(name => spared.has(name)) ? {} : drawn
      link.cut = false
      link.deaf = false
    }
  }

  /** The way out for a client's process. */
  transport(site: Site, process: SimProcess): Transport {
    const wires = new Map<string, LoopbackTransport>()
    const wireTo = (to: string) => {
      const wire = wires.get(to) ?? this.#wire(site, to)
      wires.set(to, wire)
      return wire
    }
    return {
      upload: async (peer, request, signal) => {
        try {
          return await wireTo(peer.name).upload(peer, request, signal)
        } finally {
          // What the wire has to say reaches a stopped process later, and a dead one never.
          await process.clock.sleep(0)
        }
      },
      close: async () => {
        await Promise.all([...wires.values()].map(wire => wire.close()))
      }
    }
  }

  #wire(site: Site, to: string): LoopbackTransport {
    return new LoopbackTransport({
      // The wire's own time: it goes on when the client does not.
      clock: this.#world.clock,
      limits: site.limits,
      receiverOf: peer => this.#receiverOf(site, peer),
      faults: request => this.#faultOf(site, to, request)
    })
  }

  #faultOf(site: Site, to: string, request: UploadRequest): LoopbackFault {
    const link = this.link(site.name, to)
    const fault = link.faults.draw(request) ?? {}
    const { sometimes } = site
    if (fault.flipAt !== undefined) this.flips++
    if (fault.cutAt !== undefined) sometimes.saw('cut body')
    if (fault.loseAnswer || link.deaf) sometimes.saw('lost answer')
    // Even a good wire takes its time.
    fault.delayMs ??= this.#random.between(0.1, 3)
    fault.answerDelayMs ??= this.#random.between(0.1, 3)
    if (link.cut) fault.loseRequest = true
    if (link.deaf) fault.loseAnswer = true
    return fault
  }

  #receiverOf(from: Site, peer: PeerAddress): ReceiveUpload | undefined {
    const to = this.#sites.get(peer.name)!
    const { door } = to
    if (door === undefined || door.seat.process !== door.process) return undefined
    return async (request, node) => {
      const broken = door.seat.ended().then(() => {
        throw uploadFailure('PEER_UNREACHABLE', 'the connection broke')
      })
      return await Promise.race([this.#receive(from, to, door, request, node), broken])
    }
  }

  async #receive(
    from: Site,
    to: Site,
    door: NonNullable<Site['door']>,
    request: UploadRequest,
    node: string
  ): Promise<UploadAnswer> {
    // It waits in the socket while the server is stopped.
    await door.process.clock.sleep(0)
    const { stream, from: at, blob } = request
    const name = `${from.name}>${to.name} ${stream.slice(0, 6)}:${at}`
    this.#trace.note(`${name} ${whatOf(request)}`)
    if (blob === undefined && from.seen.has(`${stream}:${at}`)) from.sometimes.saw('repeated upload')
    try {
      const answer = await door.receive(request, node)
      if (blob === undefined) from.seen.add(`${stream}:${at}`)
      else if (answer.blob?.state === 'whole') from.sometimes.saw('large body came')
      this.#trace.note(
        `${name} next ${answer.next}${answer.refused.length > 0 ? `, ${answer.refused.length} refused` : ''}`
      )
      this.onAnswer(to, answer)
      return answer
    } catch (error) {
      this.#trace.note(`${name} ${String(error)}`)
      throw error
    }
  }
}

function whatOf({ blob, skip, entries }: UploadRequest): string {
  if (blob !== undefined) return `${entries.length} bytes at ${blob.at} of ${blob.total}`
  return skip === undefined ? `${entries.length} bytes, ${tokens(entries)}` : `skip to ${skip.to}, ${skip.reason}`
}

function tokens(entries: Buffer): string {
  const first = tokenAt(entries, 0)
  let last = first
  for (let at = 0; at + 12 <= entries.length; ) {
    const bytes = entryBytes(entries, at)
    if (bytes < 12 || at + bytes > entries.length) break
    last = tokenAt(entries, at)
    at += bytes
  }
  return first === last ? first : `${first}..${last}`
}

function tokenAt(entries: Buffer, at: number): string {
  try {
    return `#${tokenIn(decodeMessage(entries, at))}`
  } catch {
    return '?'
  }
}
