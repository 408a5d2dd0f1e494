import { channel } from 'node:diagnostics_channel'

/**
 * A place in the code that others may listen at: `node:diagnostics_channel` by its name, for tracers and tests.
 *
 * Whoever publishes asks `on` first, and builds nothing when nobody listens.
 */
export class Point<T extends object> {
  readonly #channel

  constructor(name: string) {
    this.#channel = channel(name)
  }

  get on(): boolean {
    return this.#channel.hasSubscribers
  }

  publish(message: T): void {
    this.#channel.publish(message)
  }

  /** @returns How to end it. */
  subscribe(hear: (message: T) => void): () => void {
    const listener = (message: unknown) => hear(message as T)
    this.#channel.subscribe(listener)
    return () => {
      this.#channel.unsubscribe(listener)
    }
  }
}

/** Every point, by the name it has in diagnostics_channel; docs/metrics.md describes them. Spans are milliseconds. */
export const POINTS = {
  /** A message is in the outbox, or held until `dueAt` (wall ms), as durable as it was asked for. */
  send: new Point<{ id: string; peer: string; channel: string; priority: number; dueAt?: number }>('dropr:send'),
  /** A commit of a journal is on the disk, or (`synced` false) with the system. */
  commit: new Point<{ path: string; bytes: number; synced: boolean; ms: number }>('dropr:commit'),
  /** An upload was answered, or failed with `code`. */
  upload: new Point<UploadMade>('dropr:upload'),
  /** An upload was taken, or refused with `code`. */
  receive: new Point<UploadMade>('dropr:receive'),
  /** A consumer of this process was given messages. */
  claim: new Point<{ lease: string; runs: readonly Positions[] }>('dropr:claim'),
  /** Verdicts of a consumer of this process are on the disk. */
  settle: new Point<{ lease: string; verdict: string; result: string; runs: readonly Positions[] }>('dropr:settle')
}

/** Positions [from, to) of a stream: with them a message is followed through logs and points. */
export interface Positions {
  channel: string
  stream: string
  from: number
  to: number
}

export interface UploadMade {
  /** The other node. */
  peer: string
  channel: string
  stream: string
  /** First position of the upload, and how far the stream is with the receiver now. */
  from: number
  next: number | undefined
  bytes: number
  ms: number
  code: string | undefined
}
