import type { Refusal } from './arriving.ts'

export type { Refusal }

/**
 * What a consumer needs of the inbox: the same in the owner's process (`Inbox.port`) and over its socket (`RemotePort`).
 *
 * A claim names places in segments; the consumer reads the bytes itself.
 */
export interface InboxPort {
  /** Rejects with ABORTED when `signal` aborts, CLOSED after `close`, OWNER_UNREACHABLE, DISK_*. */
  claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim>
  /** Resolves when synced, one result per verdict. The same verdict told twice gets the same answer. */
  settle(verdicts: Verdict[]): Promise<VerdictResult[]>
  /** Makes leases end `leaseMs` from now. `lost`: those that had ended before. */
  extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }>
  /** What would be handed out next, left as it is. Rejects as `claim` does. */
  peek(request: PeekRequest): Promise<ClaimRun[]>
  /** Resolves when synced. */
  steer(request: SteerRequest): Promise<SteerResult>
  /** Told of leases that ended without a verdict: what is done under them will be refused. */
  onLost: (leases: string[]) => void
  /** Gives back what is held, as `release` does. */
  close(): Promise<void>
}

export interface ClaimRequest {
  channels: string[]
  /** Messages at most. */
  max: number
  /** Bytes of entries at most, but at least one message. */
  bytesMax: number
  /** Absent: as the channels have it; of several, the shortest. */
  leaseMs?: number | undefined
  /** How long to wait for the first message; 0: answer at once. */
  waitMs: number
}

export interface PeekRequest {
  channel: string
  max: number
  /** Bytes of entries at most, but at least one message. */
  bytesMax: number
}

/** What an operator does to a channel: nothing of it is handed out until it is resumed; sends go on. Or to one message of it. */
export type SteerRequest =
  | { act: 'pause' | 'resume'; channel: string }
  | { act: 'hold' | 'unhold'; id: string; channel?: string | undefined }

export interface SteerResult {
  /** Channels, or messages that are not finished. */
  found: number
  /** Of those; the others were so before. */
  changed: number
}

export interface Claim {
  /** The fencing token, `<epoch>.<number>`; '' when there was nothing. */
  lease: string
  /** Wall ms, for people. The owner goes by its own monotonic clock. */
  leaseUntil: number
  /** How long it was given for. */
  leaseMs: number
  /** How long the owner waited for something to give: the lease counts from then. Absent: not at all. */
  waitedMs?: number
  runs: ClaimRun[]
}

/** Messages at consecutive positions of one stream, whose entries lie one after the other in one file. No holes among them. */
export interface ClaimRun {
  channel: string
  priority: number
  /** The node that sent them. */
  node: string
  /** The spool id of that node. */
  origin: string
  stream: string
  from: number
  count: number
  path: string
  /** Where in the file the first entry begins. */
  at: number
  bytes: number
  /** Wall ms. */
  receivedAt: number
  /** Times handed out, this one included. */
  deliveries: number
  /** Attempts that failed before. */
  attempts: number
}

export type PositionRun = [from: number, to: number]

export interface Verdict {
  lease: string
  channel: string
  stream: string
  /** Positions, half open. */
  runs: PositionRun[]
  verdict: 'ack' | 'retry' | 'release' | 'reject'
  /** Nobody waits for the answer: an ack may share its sync with later ones. */
  quiet?: boolean
  /** Not handed out again before so many ms; for `retry` instead of the back-off. */
  afterMs?: number
  reason?: string
  /** With a rejection, whose reason says how: what was read was not what was written. */
  damaged?: boolean
  /** Kept with the mark of an ack, as JSON. */
  result?: unknown
}

export type VerdictResult = 'ok' | 'LEASE_LOST'

/** What gives back all of a claim. */
export function releaseOf({ lease, runs }: Claim): Verdict[] {
  return runs.map(({ channel, stream, from, count }) => ({
    lease,
    channel,
    stream,
    runs: [[from, from + count]],
    verdict: 'release'
  }))
}
