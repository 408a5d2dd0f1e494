import type { DroprError } from '../errors.ts'
import type { Verdict } from '../server/inbox-port.ts'
import type { Lease } from './lease.ts'
import type { Asker } from './verdicts.ts'

interface Waiter {
  resolve: () => void
  reject: (error: DroprError) => void
  asker: Asker
}

/** Positions of one stream, handed out by one lease, that got the same verdict. */
export interface VerdictGroup {
  /** Names all that is the same in it; '' when nothing can join it. */
  key: string
  lease: Lease
  verdict: Verdict
  pairs: number[]
  sent: boolean
  /** Those who wait. Empty: nobody asked, so it is tried again when the disk refuses it. */
  waiters: Waiter[]
}
