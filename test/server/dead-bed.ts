import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Queue } from '../../src/queue/queue.ts'
import type { SendAllOptions } from '../../src/queue/send-options.ts'
import { DeadRoom } from '../../src/spool/room-dead.ts'
import { Spool } from '../../src/spool/spool.ts'
import { type SimNodes, SPOOL } from '../rows/sim-nodes.ts'

/** Sends messages to the node itself and rejects them. Gives their ids. */
export async function bury(nodes: SimNodes, queue: Queue, bodies: string[], options: SendAllOptions = {}) {
  const receipts = await nodes.until(queue.sendMessages(bodies, options))
  const { channel = 'common' } = options
  let left = bodies.length
  while (left > 0) {
    const messages = await nodes.until(queue.poll({ channel, max: left, wait: '3s' }))
    for (const message of messages) await nodes.until(message.reject('no use'))
    left -= messages.length
  }
  await nodes.clock.advance(1)
  return receipts.map(({ id }) => id)
}

/** Puts messages among the dead letters as a client does whose peer refused them. Gives their ids. */
export async function buryRefused(nodes: SimNodes, bodies: string[]): Promise<string[]> {
  const system = nodes.machine('berlin').process('client of before')
  const spool = await nodes.until(Spool.open({ system, path: SPOOL, limits: nodes.limits }))
  const ids = new Ids(system.clock, system.random)
  const room = new DeadRoom({ spool, writer: 'c1', ids })
  const stream = system.random.bytes(16).toString('hex')
  const given: string[] = []
  const letters = bodies.map((body, position) => {
    const draft = { kind: 'text' as const, body, sentAt: system.clock.now() }
    const into = Buffer.alloc(messageBytesMost(draft))
    given.push(ids.next())
    const entry = Buffer.from(into.subarray(0, encodeMessage(draft, ids, into, 0)))
    const attempts = [{ at: system.clock.now(), reason: 'tokyo refused it: too large' }]
    const place = { channel: 'common', priority: 4, origin: spool.id, node: spool.node, stream, position, entry }
    return { ...place, reason: 'tokyo refused it: too large', code: 'MESSAGE_TOO_LARGE', to: 'tokyo', attempts }
  })
  await nodes.until(room.add(letters))
  await nodes.until(room.close())
  return given
}

export async function idsWaiting(nodes: SimNodes, queue: Queue, channel = 'common'): Promise<string[]> {
  return (await nodes.until(queue.peek({ channel, max: 10_000 }))).map(({ id }) => id)
}
