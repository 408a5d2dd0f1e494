import type { Metrics } from './metrics.ts'
import { POINTS } from './points.ts'

/** Notes how long commits below a folder take. @returns How to end it. */
export function watchCommits(metrics: Metrics, folder: string): () => void {
  return POINTS.commit.subscribe(({ path, synced, ms }) => {
    if (synced && path.startsWith(`${folder}/`)) metrics.observeMs('dropr_sync_seconds', ms)
  })
}
