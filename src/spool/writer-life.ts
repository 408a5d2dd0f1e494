import { diskError, systemCode } from '../errors.ts'
import type { Listener } from '../system/sockets.ts'
import type { Spool } from './spool.ts'

/** Answers to `connect` that only a process which has ended can cause. Anything else leaves the question open. */
const DEAD = new Set(['ENOENT', 'ECONNREFUSED'])

/**
 * That this process lives, as one that writes segments: a socket `run/<writer>.sock`.
 *
 * It listens before the first segment bears its name, so that a segment whose writer's socket is gone, or refuses, has got
 * its last byte. Stopping a process for any time does not change the answer.
 */
export class WriterLife {
  /** 16 hex digits, random. */
  readonly writer: string
  readonly #listener: Listener

  private constructor(writer: string, listener: Listener) {
    this.writer = writer
    this.#listener = listener
  }

  static async begin(spool: Spool): Promise<WriterLife> {
    const { random, sockets } = spool.system
    const writer = random.bytes(8).toString('hex')
    await spool.folders.ensure(spool.run)
    // Who asks has the answer once connected.
    const path = spool.socket(writer)
    try {
      return new WriterLife(writer, await sockets.listen(path, line => line.end()))
    } catch (error) {
      throw diskError(error, `listen on ${path}`)
    }
  }

  /** To be called when all segments of this writer are closed. */
  close(): Promise<void> {
    return this.#listener.close()
  }
}

/** Whether the writer of a segment may still append to it. When nobody can tell, it may. */
export async function isWriterAlive(spool: Pick<Spool, 'system' | 'socket'>, writer: string): Promise<boolean> {
  try {
    const line = await spool.system.sockets.connect(spool.socket(writer))
    line.end()
    return true
  } catch (error) {
    return !DEAD.has(systemCode(error) ?? '')
  }
}
