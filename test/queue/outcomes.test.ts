import { expect, test } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { type Message, Reject } from '../../src/index.ts'
import { decodeMessage, MESSAGE } from '../../src/journal/entry.ts'
import { FolderTail } from '../../src/journal/folder-tail.ts'
import type { Owner } from '../../src/server/owner.ts'
import { SimNodes } from '../rows/sim-nodes.ts'
import { STORES, type Store } from '../rows/stores.ts'

const DAY = 86_400_000

/** Two whole nodes. */
async function pair(seed: number, limits: object = {}, store: Store = 'files') {
  const all = { retryMsMax: 2_000, attemptsMax: 1, ...limits }
  const sim = new SimNodes({ seed, names: ['a', 'b'], limits: all, store })
  const running: (Client | Owner)[] = []
  for (const name of ['a', 'b']) running.push(await sim.server(name), await sim.client(name))
  const a = await sim.queue('a')
  const b = await sim.queue('b')
  const end = async () => {
    await sim.until(Promise.all([a.close(), b.close()]))
    await sim.until(Promise.all(running.map(role => role.close({ withinMs: 0 }))))
  }
  const poll = async (channel = 'common'): Promise<Message> => (await sim.until(b.poll({ channel, wait: 5_000 })))!
  return { sim, a, b, poll, end }
}

async function failure(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'resolved',
    (error: { code?: string; name: string; message: string }) => `${error.code ?? error.name}: ${error.message}`
  )
}

test.each(STORES)(
  'A21: the sender learns what the consumer of another node made of a message, with its result, in any process, days later (%s)',
  async store => {
    const { sim, a, poll, end } = await pair(1, { retentionMs: 60_000, scanMs: 10_000 }, store)
    const receipt = await sim.until(a.sendMessage('x', { to: 'b', receipt: true }))
    const early = receipt.settled()
    const message = await poll()
    expect((await sim.until(a.status(receipt.id))).state).toBe('delivered')
    await sim.until(message.ack({ rows: 3 }))
    const settled = { id: receipt.id, verdict: 'processed', peer: 'b', result: { rows: 3 }, at: expect.any(Number) }
    expect(await sim.until(early)).toMatchObject(settled)

    // Once its segment is removed, only what came back knows of it.
    await sim.until(a.close())
    await sim.clock.advance(600_000)
    expect(await sim.until((await sim.storage('a')).list('/spool/outbox/b/common/4'))).toEqual([])
    await end()
    await sim.clock.advance(3 * DAY)
    const other = await sim.queue('a', 'other')
    expect(await sim.until(other.receipt(receipt.id).settled())).toMatchObject(settled)
    expect((await sim.until(other.status(receipt.id))).state).toBe('processed')
    await sim.until(other.close())
  }
)

test('what came of a message is found by an id that is ahead of a clock which was set back', async () => {
  const first = await pair(8)
  const { sim } = first
  const settle = async ({ a, poll }: Pick<typeof first, 'a' | 'poll'>) => {
    const { id } = await sim.until(a.sendMessage('x', { to: 'b', receipt: true }))
    await sim.until((await poll()).ack())
    await sim.clock.advance(5_000)
    return id
  }
  sim.clock.step(DAY)
  await settle(first)
  sim.clock.step(-DAY)
  const id = await settle(first)
  await first.end()
  // What comes next lies in another segment.
  const next = [await sim.server('a'), await sim.client('a'), await sim.server('b'), await sim.client('b')]
  const [a, b] = [await sim.queue('a', 'later'), await sim.queue('b', 'later')]
  await settle({ a, poll: async () => (await sim.until(b.poll({ wait: 5_000 })))! })
  expect((await sim.until(a.status(id))).state).toBe('processed')
  await sim.until(Promise.all([a.close(), b.close()]))
  await sim.until(Promise.all(next.map(role => role.close({ withinMs: 0 }))))
})

test('settled() rejects with the reason of what was rejected, failed too often or expired over there, and of what was not asked for', async () => {
  const { sim, a, b, poll, end } = await pair(2)
  const rejected = await sim.until(a.sendMessage('x', { to: 'b', receipt: true }))
  await sim.until((await poll()).reject('no such customer'))
  expect(await sim.until(failure(rejected.settled()))).toMatch(/^MESSAGE_DEAD: .* to b was given up: no such customer$/)

  const failed = await sim.until(a.sendMessage('x', { to: 'b', receipt: true }))
  await sim.until((await poll()).retry({ after: 0, reason: 'first' }))
  await sim.until((await poll()).retry({ reason: 'second' }))
  expect(await sim.until(failure(failed.settled()))).toMatch(/^MESSAGE_DEAD: .*: second$/)

  const thrown = await sim.until(a.sendMessage('x', { to: 'b', channel: 'throws', receipt: true }))
  const consumer = b.consume('throws', () => {
    throw new Reject('cannot')
  })
  expect(await sim.until(failure(thrown.settled()))).toMatch(/^MESSAGE_DEAD: .*: cannot$/)
  await sim.until(consumer.stop())

  const expired = await sim.until(a.sendMessage('x', { to: 'b', channel: 'slow', receipt: true, ttl: 20_000 }))
  await sim.until(expired.delivered())
  await sim.clock.advance(30_000)
  expect(await sim.until(b.poll({ channel: 'slow' }))).toBeUndefined()
  expect(await sim.until(failure(expired.settled()))).toMatch(/^MESSAGE_EXPIRED: /)

  const plain = await sim.until(a.sendMessage('x', { to: 'b' }))
  expect(await sim.until(failure(plain.settled()))).toMatch(/^TypeError: .* went to b without receipt: true$/)
  await end()
})

test('of many receipts each is told once, also those of messages to this node, and nobody can claim, see or forge them', async () => {
  const { sim, a, b, end } = await pair(3)
  const own = await sim.until(a.sendMessages(['1', '2', '3'], { receipt: true }))
  const sent = await sim.until(a.sendMessages(['4', '5', '6', '7'], { to: 'b', receipt: true }))
  await sim.until(a.sendMessages(['8', '9'], { to: 'b' }))
  for (const queue of [a, b]) await sim.take(queue)
  const all = await sim.until(Promise.all([...own, ...sent].map(receipt => receipt.settled())))
  expect(all.map(({ peer }) => peer)).toEqual([...own.map(() => 'a'), ...sent.map(() => 'b')])
  for (const channel of ['$dropr.outcome', '$dropr.reply']) {
    await expect(a.poll({ channel })).rejects.toThrow(TypeError)
    await expect(a.sendMessage('x', { channel })).rejects.toThrow(TypeError)
    await expect(a.peek({ channel })).rejects.toThrow(TypeError)
  }
  const outcomes = sim.uploads.filter(({ request }) => request.channel === '$dropr.outcome')
  expect(outcomes.map(({ peer }) => peer)).toEqual(outcomes.map(() => 'a'))
  await end()
})

test('who asks for no receipt pays for none: no outbox of outcomes is made, nothing is sent back', async () => {
  const { sim, a, b, end } = await pair(4)
  await sim.until(a.sendMessages(['1', '2'], { to: 'b', headers: { kind: 'plain' } }))
  await sim.take(b)
  await sim.clock.advance(10_000)
  expect(sim.uploads.filter(({ peer }) => peer === 'a')).toEqual([])
  await expect(sim.until(sim.machine('b').disk.list('/spool/outbox/a'))).rejects.toThrow('ENOENT')
  await end()
})

/** Whole messages in the channel of outcomes of a machine, each place once. */
async function outcomesOn(sim: SimNodes): Promise<unknown[]> {
  const files = sim.machine('a').process('reader').files
  const found = new Map<string, unknown>()
  for await (const { frame } of new FolderTail({ files, folder: '/spool/inbox/%24dropr.outcome' }).look()) {
    const { source, payload } = frame
    for (let i = 0, at = 0; source && i < frame.count; i++, at += payload.readUInt32LE(at))
      if (payload[at + 8] === MESSAGE)
        found.set(`${source.stream} ${source.from + i}`, JSON.parse(decodeMessage(payload, at).body.toString()))
  }
  return [...found.values()]
}

/** From the verdict on, the process dies at its `step`th call to the disk. False: it needed fewer. */
async function dieAt(step: number, how: 'kill' | 'power cut'): Promise<boolean> {
  const said = `${how} at step ${step}`
  const sim = new SimNodes({ seed: step, names: ['a'] })
  const app = await sim.queue('a')
  const receipt = await sim.until(app.sendMessage('x', { receipt: true }))
  const message = await sim.until(app.poll({ wait: 5_000 }))
  let calls = 0
  let acked = false
  const died = new Promise<void>(resolve => {
    const path = () => {
      if (calls++ !== step) return false
      if (how === 'kill') sim.machine('a').process('app').kill()
      else sim.machine('a').powerCut()
      resolve()
      return false
    }
    sim.machine('a').disk.faults.add({ call: 'any', code: 'EIO', path })
  })
  const working = message!.ack(1).then(async () => {
    acked = true
    await receipt.settled()
    await app.close()
  })
  await sim.until(Promise.race([died, working]))
  const dead = calls > step
  sim.machine('a').disk.faults.clear()

  const again = await sim.queue('a', 'again')
  const back = await sim.until(again.poll({ wait: 5_000 }))
  expect(back === undefined || !acked, said).toBe(true)
  if (back !== undefined) await sim.until(back.ack(2))
  const { result } = await sim.until(again.receipt(receipt.id).settled())
  expect(result, said).toBe(back === undefined ? 1 : 2)
  await sim.clock.advance(10_000)
  await sim.until(again.close())
  expect(await sim.until(outcomesOn(sim)), said).toMatchObject([{ id: receipt.id, how: 'done', result }])
  return dead
}

test('whatever call to the disk a process dies at after a verdict, its sender hears one outcome, the one that counts', async () => {
  for (const how of ['kill', 'power cut'] as const) {
    let steps = 0
    while (await dieAt(steps, how)) steps++
    expect(steps).toBeGreaterThan(20)
  }
})
