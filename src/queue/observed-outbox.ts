import type { Log } from '../system/log.ts'
import { POINTS } from '../system/points.ts'
import type { Destination } from './destinations.ts'
import type { Outbox } from './send.ts'

/** Lets what is sent be followed: `dropr:send`, and at level debug a line each. Straight through when nobody looks. */
export function observedOutbox(outbox: Outbox, log: Log): Outbox {
  const looks = () => POINTS.send.on || log.debugs === true
  return {
    append(to, draft, done, buffered) {
      if (!looks()) return outbox.append(to, draft, done, buffered)
      const ids: string[] = []
      return told(outbox.append(to, draft, noting(ids, done), buffered), to, ids, log)
    },
    appendAll(to, drafts, done, buffered) {
      if (!looks()) return outbox.appendAll(to, drafts, done, buffered)
      const ids: string[] = []
      return told(outbox.appendAll(to, drafts, noting(ids, done), buffered), to, ids, log)
    },
    close: () => outbox.close()
  }
}

function noting<T>(ids: string[], done: (id: string) => T): (id: string) => T {
  return id => {
    ids.push(id)
    return done(id)
  }
}

async function told<T>(sent: Promise<T>, to: Destination, ids: readonly string[], log: Log): Promise<T> {
  const result = await sent
  const { peer, channel, priority } = to
  for (const id of ids) {
    const fact = { id, peer, channel, priority }
    if (POINTS.send.on) POINTS.send.publish(fact)
    if (log.debugs === true) log.debug(fact, 'sent')
  }
  return result
}
