import type { ErrorCode } from '../errors.ts'
import type { ChannelBacklog } from '../spool/backlog.ts'
import type { Clock } from '../system/clock.ts'
import type { Files } from '../system/files.ts'
import type { Log } from '../system/log.ts'
import type { PeerState } from './feedback.ts'

/** What the client daemon knows, for `dropr status` and metrics: run/client.json. Times are wall time, ms. */
export interface ClientStatus {
  pid: number
  node: string
  startedAt: number
  at: number
  /** Finds work by its socket, by file events, by the timed scan: how often each said something. */
  hints: { pokes: number; events: number; scans: number }
  peers: PeerStatus[]
  /** Folders of the outbox whose peer is not configured: kept, not sent. */
  unknownPeers: string[]
  progress: ClientProgress
}

/** Whether work gets done, over all peers. */
export interface ClientProgress {
  /** Messages that wait, as far as they were counted. */
  pending: number
  oldestAt: number | undefined
  /** When a peer last stored something. */
  lastAckAt: number | undefined
}

/** What waits for a peer, counted on the timed scan. */
export interface PeerBacklog {
  depth: number
  bytes: number
  oldestAt: number | undefined
  /** It is older than `backlogMsMax`, or larger than `backlogBytesMax`. */
  alarm: 'age' | 'bytes' | undefined
  /** The first 100, the oldest first. */
  channels: ChannelBacklog[]
}

/** What went to a peer since the client started. */
export interface PeerTraffic {
  uploads: number
  uploadsFailed: number
  /** Messages of uploads that failed, which are sent again. */
  retried: number
  lastAckAt: number | undefined
}

export interface PeerStatus {
  name: string
  /** Where it is sent to. */
  url?: string
  backlog?: PeerBacklog
  traffic?: PeerTraffic
  state: PeerState
  /** When it came into this state. */
  since: number
  /** A person wants nothing sent to it, since then. */
  pausedAt?: number | undefined
  /** Failures since the last answer. */
  failures: number
  lastError: StatusError | undefined
  nextTryAt: number | undefined
  /** Uploads under way. */
  inFlight: number
  /** Positions that the peer said it has, and messages that it refused for good, since the client started. */
  acked: number
  refused: number
  /** Streams that are not finished. */
  streams: number
  /** Streams with trouble of their own; the first 20. */
  troubled: StreamStatus[]
}

export interface StreamStatus {
  stream: string
  channel: string
  priority: number
  acked: number
  failures: number
  lastError: StatusError
  nextTryAt: number | undefined
}

export interface StatusError {
  code: ErrorCode
  text: string
  at: number
}

/** Over all peers. What waits for one that is paused is not expected to get on. */
export function progressOf(peers: readonly PeerStatus[]): ClientProgress {
  const progress: ClientProgress = { pending: 0, oldestAt: undefined, lastAckAt: undefined }
  for (const { backlog, traffic, pausedAt } of peers) {
    const { depth = 0, oldestAt } = (pausedAt === undefined && backlog) || {}
    progress.pending += depth
    if (oldestAt !== undefined) progress.oldestAt = Math.min(oldestAt, progress.oldestAt ?? oldestAt)
    if (traffic?.lastAckAt !== undefined)
      progress.lastAckAt = Math.max(traffic.lastAckAt, progress.lastAckAt ?? traffic.lastAckAt)
  }
  return progress
}

const WRITE_MS_MIN = 1_000

/** Keeps a status file: written when something changed, at most once a second. Failing to write it harms nothing else. */
export class StatusFile {
  readonly #options: { clock: Clock; files: Files; log: Log; path: string; status: () => object }
  readonly #stop = new AbortController()
  #changed = false
  #running: Promise<void> | undefined

  constructor(options: { clock: Clock; files: Files; log: Log; path: string; status: () => object }) {
    this.#options = options
  }

  changed(): void {
    this.#changed = true
    if (this.#stop.signal.aborted) return
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Writes the last state. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#write()
  }

  async #run(): Promise<void> {
    while (this.#changed && !this.#stop.signal.aborted) {
      this.#changed = false
      await this.#write()
      await this.#options.clock.sleep(WRITE_MS_MIN, this.#stop.signal)
    }
  }

  async #write(): Promise<void> {
    const { files, log, path, status } = this.#options
    try {
      await files.replace(path, `${JSON.stringify(status())}\n`)
    } catch (error) {
      log.warn({ code: 'STATUS_UNWRITTEN', path, error: String(error) }, 'cannot write the status file')
    }
  }
}
