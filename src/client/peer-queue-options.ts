import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { Random } from '../system/random.ts'
import type { Where } from './lookout.ts'
import type { Steps } from './steps.ts'
import type { StreamSource } from './stream-source.ts'
import type { Uploader } from './uploader.ts'

export interface PeerQueueOptions {
  name: string
  system: { clock: Clock; random: Random; log: Log }
  limits: Limits
  steps: Steps
  /** Finds what is there to send, all of it or in one folder: the streams whose turn has come. */
  find(where?: Where): Promise<readonly StreamSource[]>
  /** Opens a stream that was found. Its uploads end with the signal. */
  open(source: StreamSource, queue: { changed: () => void; signal: AbortSignal }): Uploader
  /** A stream is with the peer to its end, and that is on record. */
  finished(source: StreamSource): void
  /** The status differs from what it was. */
  changed: () => void
}
