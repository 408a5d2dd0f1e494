import type { DueDraft } from '../scheduler/intake.ts'
import type { Log } from '../system/log.ts'
import { POINTS } from '../system/points.ts'
import type { HeldBox } from './later.ts'
import type { Outbox } from './send.ts'

interface Fact {
  peer: string
  channel: string
  priority: number
  dueAt?: number
}

/** Lets what is sent be followed: `dropr:send`, and at level debug a line each. Straight through when nobody looks. */
export function observedOutbox(outbox: Outbox, log: Log): Outbox {
  const looks = () => POINTS.send.on || log.debugs === true
  return {
    append(to, draft, done, buffered) {
      if (!looks()) return outbox.append(to, draft, done, buffered)
      const ids: string[] = []
      return told(outbox.append(to, draft, noting(ids, done), buffered), ids, [to], log)
    },
    appendAll(to, drafts, done, buffered) {
      if (!looks()) return outbox.appendAll(to, drafts, done, buffered)
      const ids: string[] = []
      return told(outbox.appendAll(to, drafts, noting(ids, done), buffered), ids, [to], log)
    },
    close: () => outbox.close()
  }
}

/** The same for what is held until it is due. */
export function observedBox(box: HeldBox, log: Log): HeldBox {
  const looks = () => POINTS.send.on || log.debugs === true
  return {
    append(draft, done, buffered) {
      if (!looks()) return box.append(draft, done, buffered)
      const ids: string[] = []
      return told(box.append(draft, noting(ids, done), buffered), ids, [factOf(draft)], log)
    },
    appendAll(drafts, done, buffered) {
      if (!looks()) return box.appendAll(drafts, done, buffered)
      const ids: string[] = []
      return told(box.appendAll(drafts, noting(ids, done), buffered), ids, drafts.map(factOf), log)
    },
    folder: id => box.folder(id),
    close: () => box.close()
  }
}

function factOf({ due: { at, to, channel, priority } }: DueDraft): Fact {
  return { peer: to, channel, priority, dueAt: at }
}

function noting<A extends unknown[], T>(
  ids: string[],
  done: (id: string, ...rest: A) => T
): (id: string, ...rest: A) => T {
  return (id, ...rest) => {
    ids.push(id)
    return done(id, ...rest)
  }
}

/** @param facts One for each id, or one for all. */
async function told<T>(sent: Promise<T>, ids: readonly string[], facts: readonly Fact[], log: Log): Promise<T> {
  const result = await sent
  for (const [i, id] of ids.entries()) {
    const { peer, channel, priority, dueAt } = facts[i] ?? facts[0]!
    const fact = { id, peer, channel, priority, ...(dueAt !== undefined && { dueAt }) }
    if (POINTS.send.on) POINTS.send.publish(fact)
    if (log.debugs === true) log.debug(fact, 'sent')
  }
  return result
}
