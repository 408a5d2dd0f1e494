import type { OffsetBudget } from './offset-budget.ts'
import type { PeerShares } from './peer-shares.ts'
import type { StreamState } from './stream-state.ts'

export interface ChannelStateOptions {
  budget?: OffsetBudget
  /** Where streams are found whatever their channel. */
  index?: Map<string, StreamState>
  shares?: PeerShares
  /** Frames that wait behind so many others of their priority are joined with those before them. */
  exactMax?: number | undefined
}
