import type { StreamLedger } from '../spool/retention.ts'
import type { Spool } from '../spool/spool.ts'

/** How far a local stream has come is in the inbox, durably: nothing else needs to be noted before its file goes. */
export function inboxLedger(spool: Spool): StreamLedger {
  const doneAt = new Map<string, number>()
  return {
    doneAt: stream => doneAt.get(stream),
    done(streams) {
      for (const { stream } of streams) doneAt.set(stream, spool.system.clock.now())
      return Promise.resolve()
    },
    removing: () => Promise.resolve(),
    removed: stream => void doneAt.delete(stream)
  }
}
