import { Ids } from '../../src/journal/ids.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import type { Done, Draft } from '../../src/message.ts'
import { Destinations } from '../../src/queue/destinations.ts'
import { Intake } from '../../src/queue/intake.ts'
import { Queue } from '../../src/queue/queue.ts'
import { type Outbox, Sender } from '../../src/queue/send.ts'
import type { DueDraft } from '../../src/scheduler/intake.ts'
import type { Files } from '../../src/system/files.ts'
import type { LogFields } from '../../src/system/log.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { FakeInbox } from './fake-inbox.ts'

/** What was given to the outbox. */
export class FakeOutbox implements Outbox {
  readonly sent: { peer: string; channel: string; priority: number; draft: Draft; buffered: boolean }[] = []
  failing: Error | undefined

  append<T>(
    to: { peer: string; channel: string; priority: number },
    draft: Draft,
    done: (id: string) => T,
    buffered = false
  ) {
    if (this.failing !== undefined) return Promise.reject(this.failing)
    this.sent.push({ ...to, draft, buffered })
    return Promise.resolve(done(draft.id ?? `id-${this.sent.length}`))
  }

  appendAll<T>(
    to: { peer: string; channel: string; priority: number },
    drafts: readonly Draft[],
    done: (id: string) => T,
    buffered = false
  ) {
    return Promise.all(drafts.map(draft => this.append(to, draft, done, buffered)))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** What was given to schedule/in, batch by batch. */
export class FakeBox {
  readonly held: DueDraft[][] = []

  async append<T>(draft: DueDraft, done: Done<DueDraft, T>, buffered = false): Promise<T> {
    return (await this.appendAll([draft], done, buffered))[0]!
  }

  async appendAll<T>(drafts: readonly DueDraft[], done: Done<DueDraft, T>, _buffered = false): Promise<T[]> {
    this.held.push([...drafts])
    return drafts.map((draft, i) => done(draft.id ?? `held-${this.held.length}-${i}`, draft))
  }

  folder(): string {
    return 'schedule/in'
  }

  async close(): Promise<void> {}
}

/** A queue on a model of what is below it, in simulated time. */
export function fakeQueue(options: { limits?: Partial<Limits>; peers?: string[] } = {}) {
  const clock = new SimClock()
  const inbox = new FakeInbox(clock)
  const outbox = new FakeOutbox()
  const logged: { fields: LogFields; text: string }[] = []
  const note = (fields: LogFields, text: string) => void logged.push({ fields, text })
  const read = (into: Uint8Array, position: number) =>
    Promise.resolve(inbox.file.copy(into, 0, position, position + into.length))
  const open = () => Promise.resolve({ read, bytes: async () => inbox.file.length, close: async () => undefined })
  const system = {
    clock,
    random: new SimRandom(2),
    files: { open } as unknown as Files,
    log: { debug: note, info: note, warn: note, error: note }
  } as unknown as System
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const destinations = new Destinations(
    'berlin',
    new Map((options.peers ?? ['tokyo', 'paris']).map(name => [name, {}]))
  )
  const ids = new Ids(clock, system.random)
  const box = new FakeBox()
  const later = { box, zone: () => 'Europe/Berlin' }
  const sender = new Sender({ outbox, destinations, clock, ids, limits, later })
  let attached = 0
  const attaching: { failing: Error | undefined } = { failing: undefined }
  const attach = () => {
    attached++
    const { failing } = attaching
    attaching.failing = undefined
    return failing === undefined ? Promise.resolve(inbox) : Promise.reject(failing)
  }
  const intake = new Intake(system, attach)
  const queue = new Queue({
    system,
    limits,
    node: 'berlin',
    spool: '/s',
    sender,
    intake,
    closeBelow: () => outbox.close()
  })
  return { attaching, box, queue, inbox, outbox, clock, logged, intake, attached: () => attached }
}

/** What a promise was rejected with. */
export async function failure(work: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not rejected')
}
