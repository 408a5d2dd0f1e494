import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { Random } from '../system/random.ts'
import type { PeerAddress, Transport } from '../wire/transport.ts'
import type { BlobCarrier } from './blob-carrier.ts'
import type { Failure } from './failure.ts'
import type { Ledger } from './ledger.ts'
import type { Removals } from './removals.ts'
import type { Steps } from './steps.ts'
import type { StreamSource } from './stream-source.ts'
import type { Flight } from './window.ts'

export interface UploaderOptions {
  source: StreamSource
  ledger: Ledger
  peer: PeerAddress
  /** This node. */
  origin: string
  node: string
  transport: Transport
  /** Brings large bodies. */
  blobs?: BlobCarrier | undefined
  /** What else the peer is to be told. */
  removals?: Removals | undefined
  system: { clock: Clock; random: Random; log: Log }
  limits: Limits
  /** Departures and answers of this peer, counted. */
  steps: Steps
  /** Ends uploads that are under way. */
  signal: AbortSignal
}

/** What became of one upload, for its peer. */
export interface Outcome {
  flight: Flight
  /** Undefined: an answer that counts. */
  failure: Failure | undefined
}
