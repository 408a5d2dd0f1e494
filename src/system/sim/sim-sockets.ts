import type { Line, Listener, Sockets } from '../sockets.ts'
import type { SimClock } from './sim-clock.ts'
import { type SimDisk, SimSocket } from './sim-disk.ts'
import { simError } from './sim-error.ts'
import type { SimGate } from './sim-gate.ts'
import { SimLine } from './sim-line.ts'
import type { SimRandom } from './sim-random.ts'

/** Calls that may wait for a process that does not take them (it is stopped); more get EAGAIN. */
const BACKLOG_MAX = 511

interface SimListener {
  gate: SimGate
  connected: (line: Line) => void
  backlog: number
  lines: Set<SimLine>
}

export interface SimSocketsOptions {
  clock: SimClock
  random: SimRandom
  disk: SimDisk
  /** The process these sockets belong to. */
  gate: SimGate
  /** Shortest and longest time of a message. */
  latencyMs?: readonly [number, number]
}

/**
 * Sockets whose names stand in a simulated disk: they can be linked, outlive their process there, and refuse from then on.
 */
export class SimSockets implements Sockets {
  readonly #options: SimSocketsOptions

  constructor(options: SimSocketsOptions) {
    this.#options = options
  }

  async listen(path: string, connected: (line: Line) => void): Promise<Listener> {
    const { disk, gate } = this.#options
    await this.#pause()
    const socket = new SimSocket()
    const listener: SimListener = { gate, connected, backlog: 0, lines: new Set() }
    try {
      disk.add(path, socket)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw simError('EADDRINUSE', `address already in use '${path}'`, error)
    }
    socket.listener = listener
    const silence = () => {
      socket.listener = undefined
    }
    const forget = gate.onDeath(silence)
    return {
      close: async () => {
        silence()
        forget()
        for (const line of listener.lines) line.end()
        if (disk.find(path) === socket) disk.remove(path, 'file')
        await this.#pause()
      }
    }
  }

  async connect(path: string): Promise<Line> {
    const { disk, gate } = this.#options
    await this.#pause()
    const node = disk.get(path)
    const listener = node.kind === 'socket' ? (node.listener as SimListener | undefined) : undefined
    if (!listener || listener.gate.dead) throw simError('ECONNREFUSED', `connect '${path}'`)
    if (listener.backlog >= BACKLOG_MAX) throw simError('EAGAIN', `connect '${path}'`)
    const latency = () => this.#latency()
    const ours = new SimLine(this.#options.clock, latency, gate)
    const theirs = new SimLine(this.#options.clock, latency, listener.gate)
    ours.join(theirs)
    listener.lines.add(theirs)
    theirs.whenEnded(() => listener.lines.delete(theirs))
    listener.backlog++
    listener.gate.deliver(() => {
      listener.backlog--
      if ((node as SimSocket).listener === listener) listener.connected(theirs)
      else theirs.end()
    })
    return ours
  }

  /** The time of a system call; it ends when the process may go on. */
  #pause(): Promise<void> {
    const { clock, gate } = this.#options
    return new Promise(resolve => {
      clock.after(this.#latency(), () => gate.deliver(resolve))
    })
  }

  #latency(): number {
    const { random, latencyMs = [0, 0] } = this.#options
    return random.between(latencyMs[0], latencyMs[1])
  }
}
