import type { Metrics } from './metrics.ts'
import { POINTS } from './points.ts'

/**
 * Notes how long commits below a folder take, for as long as there are `metrics`: they are held weakly, since points are the whole
 * program's, and who is never closed (a process of the simulation that is killed) would stay with all that belongs to it.
 *
 * @returns How to end it.
 */
export function watchCommits(metrics: Metrics, folder: string): () => void {
  const held = new WeakRef(metrics)
  const inside = `${folder}/`
  const end = POINTS.commit.subscribe(({ path, synced, ms }) => {
    const there = held.deref()
    if (there === undefined) end()
    else if (synced && path.startsWith(inside)) there.observeMs('dropr_sync_seconds', ms)
  })
  return end
}
