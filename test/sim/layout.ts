import { type Limits, limitsFrom } from '../../src/limits.ts'
import type { ScheduleConfig } from '../../src/spool/schedule-config.ts'
import type { SimRandom } from '../../src/system/sim/index.ts'

/** What a world looks like: drawn from the seed, so that runs differ in more than the moments of their faults. */
export interface Layout {
  nodes: string[]
  channels: string[]
  priorities: number[]
  senders: number
  consumers: number
  limits: Limits
  latencyMs: readonly [number, number]
  /** Clients see no watch events, so that only scans and pokes find work. */
  watch: boolean
  /** Applications that send for later. */
  laters: number
  schedulers: number
  /** Somebody pauses, holds, cancels and redrives. */
  operated: boolean
  /** Some bodies are too large for an entry. */
  blobs: boolean
  schedule: ScheduleConfig | undefined
}

/** Three minutes hold all that days do. */
const SHORT = [60_000, 10_000, 2_000, 1_000].map((lengthMs, i) => ({ name: 'abcd'[i]!, lengthMs }))

export function drawLayout(random: SimRandom, nodes: number): Layout {
  const blobs = random.chance(0.5)
  return {
    blobs,
    operated: random.chance(0.5),
    nodes: Array.from({ length: nodes }, (_, i) => `n${i}`),
    channels: ['a', 'b/c', 'Ä'].slice(0, 1 + random.int(3)),
    priorities: random.pick([[4], [4, 9]]),
    senders: 1 + random.int(2),
    consumers: 1 + random.int(3),
    latencyMs: random.pick([
      [0.02, 2],
      [0.02, 0.2],
      [0.5, 10]
    ] as const),
    watch: random.chance(0.8),
    laters: random.int(3),
    schedulers: random.pick([1, 1, 2]),
    schedule: random.pick([
      undefined,
      { levels: SHORT.slice(0, 3) },
      { levels: SHORT.slice(0, 3), shards: 2 },
      { levels: SHORT.slice(1) }
    ]),
    limits: limitsFrom({
      ...(blobs && { messageBytesMax: 2_000, blobPieceBytes: random.pick([512, 4_096]), blobIdleMsMax: 60_000 }),
      segmentBytesMax: random.pick([65_536, 65_536, 1_000_000]),
      rangeBytesMax: random.pick([1_024, 4_096, 65_536]),
      rangesPerStreamMax: random.pick([1, 2, 4, 16]),
      uploadsPerPeerMax: random.pick([1, 4, 8]),
      answerMsMax: random.pick([1_000, 3_000]),
      retryMsMin: random.pick([50, 500]),
      retryMsMax: random.pick([2_000, 8_000]),
      scanMs: random.pick([300, 1_000, 2_000]),
      leaseMs: random.pick([1_500, 6_000]),
      attemptsMax: random.pick([4, 10]),
      attemptMsMin: 50,
      attemptMsMax: 1_000,
      retentionMs: random.pick([0, 30_000, 86_400_000]),
      parkedBytesMax: random.pick([0, 2_048, 1_048_576]),
      filesOpenMax: random.pick([8, 2_048])
    })
  }
}
