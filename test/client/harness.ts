import { Ledger } from '../../src/client/ledger.ts'
import { PeerQueue } from '../../src/client/peer-queue.ts'
import { Steps } from '../../src/client/steps.ts'
import { Uploader } from '../../src/client/uploader.ts'
import type { Limits } from '../../src/limits.ts'
import type { Log } from '../../src/system/log.ts'
import { type SimClock, SimRandom } from '../../src/system/sim/index.ts'
import type { Transport } from '../../src/wire/transport.ts'
import type { ModelStream } from './model.ts'

/** What a client keeps on disk about one stream, and what it must never do. */
export class ModelBook {
  readonly next = new Map<string, number>()
  readonly dead = new Map<string, Map<number, number>>()
  /** Called before each write; may wait, may throw. */
  write: () => Promise<void> = async () => undefined
  /** Called with each number that is about to go on record. */
  check: (stream: string, next: number) => void = () => undefined

  deadOf(stream: string): Map<number, number> {
    const dead = this.dead.get(stream) ?? new Map<number, number>()
    this.dead.set(stream, dead)
    return dead
  }
}

/** A PeerQueue over streams, books and a transport of a model. */
export function peerQueue(world: {
  name?: string
  clock: SimClock
  limits: Limits
  transport: Transport
  streams: readonly ModelStream[]
  book: ModelBook
  seed: number | string
  log?: Log
}): PeerQueue {
  const { clock, limits, transport, streams, book, seed, name = 'tokyo' } = world
  const quiet = () => undefined
  const log = world.log ?? { debug: quiet, info: quiet, warn: quiet, error: quiet }
  const system = { clock, random: new SimRandom(seed), log }
  const steps = new Steps()
  const finished = new Set<string>()
  return new PeerQueue({
    name,
    system,
    limits,
    steps,
    find: async where =>
      streams.filter(
        ({ stream, channel, priority }) =>
          !finished.has(stream) && (!where || (where.channel === channel && where.priority === priority))
      ),
    open: (source, { changed, signal }) => {
      const { stream } = source
      const ledger = new Ledger(
        {
          async copyRefused(refusals) {
            await book.write()
            const dead = book.deadOf(stream)
            for (const { at } of refusals) dead.set(at, (dead.get(at) ?? 0) + 1)
          },
          async record(next) {
            await book.write()
            book.check(stream, next)
            book.next.set(stream, next)
          },
          wait: failed => clock.sleep(10 * failed, signal),
          rest: closing => clock.sleep(20, closing),
          changed
        },
        book.next.get(stream) ?? 0
      )
      const peer = { name, url: 'http://tokyo.example' }
      const origin = '0123456789abcdef0123456789abcdef'
      return new Uploader({ source, ledger, peer, origin, node: 'berlin', transport, system, limits, steps, signal })
    },
    finished: ({ stream }) => finished.add(stream),
    changed: quiet
  })
}

export function streamName(n: number): string {
  return n.toString(16).padStart(32, '0')
}
