import { expect, test } from 'vitest'
// Loaded with it: simulated time does not wait for files of the program.
import '../../src/scheduler/schedule.ts'
import { sentMessage } from '../../src/queue/receipt.ts'
import { Tracker } from '../../src/queue/tracker.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'
import { STORES, type Store } from '../rows/stores.ts'

const PEERS = ['a', 'b', 'c'] as const

function nodes(seed: number, names: readonly string[] = ['a', 'b'], store: Store = 'files') {
  return new SimNodes({ seed, names, limits: { retryMsMax: 2_000 }, store })
}

async function code(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'resolved',
    (error: { code?: string; name: string }) => error.code ?? error.name
  )
}

/** One to which the schedule says that all was cancelled. */
async function trackerOn(sim: SimNodes): Promise<Tracker> {
  const system = sim.machine('a').process('tracker')
  const spool = await sim.until(Spool.open({ system, path: SPOOL, node: 'a', limits: sim.limits }))
  return new Tracker({ spool, held: () => Promise.resolve({ state: 'cancelled', messages: [] }) })
}

test.each(STORES)(
  'A13 A21: another process says by the id alone whether a message waits, is delivered or processed; an id nobody sent is unknown (%s)',
  async store => {
    const sim = nodes(1, ['a', 'b'], store)
    const app = await sim.queue('a')
    const { id } = await sim.until(app.sendMessage('x', { to: 'b', channel: 'orders' }))
    const own = await sim.until(app.sendMessage('y'))
    await sim.until(app.close())

    const other = await sim.queue('a', 'other')
    expect(await sim.until(other.status(id))).toEqual({
      id,
      state: 'pending',
      deliveries: [{ peer: 'b', channel: 'orders', state: 'pending', delivered: false, at: expect.any(Number) }]
    })
    expect((await sim.until(other.status(own.id))).state).toBe('pending')
    expect(await sim.until(other.status('nobody'))).toEqual({ id: 'nobody', state: 'unknown', deliveries: [] })

    const server = await sim.server('b')
    const client = await sim.client('a')
    await sim.until(other.receipt(id).delivered())
    expect((await sim.until(other.status(id))).state).toBe('delivered')

    const message = await sim.until(other.poll({ wait: 3_000 }))
    expect((await sim.until(other.status(own.id))).state).toBe('delivered')
    await sim.until(message!.ack({ rows: 3 }))
    const done = await sim.until(other.status(own.id))
    expect(done).toMatchObject({ state: 'processed', deliveries: [{ peer: 'a', result: { rows: 3 } }] })

    await sim.until(Promise.all([other.close(), client.close({ withinMs: 0 }), server.close()]))
    // No daemon, and nobody owns the inbox.
    const third = await sim.queue('a', 'third')
    expect((await sim.until(third.status(id))).state).toBe('delivered')
    expect((await sim.until(third.status(own.id))).state).toBe('processed')
    await sim.until(third.close())
  }
)

test('C25: of one message to several peers each is followed for itself, and none that has it is sent to again', async () => {
  const sim = nodes(2, PEERS)
  const app = await sim.queue('a')
  const servers = [await sim.server('a'), await sim.server('b'), await sim.server('c')]
  const client = await sim.client('a')
  // It tells what became of the message.
  const answering = await sim.client('c')
  sim.down.add('b')
  const receipt = await sim.until(app.sendMessage('x', { to: ['b', 'c', 'a'], receipt: true }))
  const early = code(receipt.delivered({ timeout: 5_000 }))
  expect((await sim.take(app)).map(({ id }) => id)).toEqual([receipt.id])
  expect(await sim.until(early)).toBe('WAIT_TIMEOUT')
  const states = async () => {
    const { state, deliveries } = await sim.until(app.status(receipt.id))
    return [state, ...deliveries.map(one => `${one.peer} ${one.state}`).sort()]
  }
  expect(await states()).toEqual(['pending', 'a processed', 'b pending', 'c delivered'])
  expect((await sim.take(await sim.queue('c'))).map(({ id }) => id)).toEqual([receipt.id])
  await sim.clock.advance(10_000)
  expect(await states()).toEqual(['pending', 'a processed', 'b pending', 'c processed'])
  sim.down.delete('b')
  await sim.until(receipt.delivered())
  expect((await sim.take(await sim.queue('b'))).map(({ id }) => id)).toEqual([receipt.id])
  await sim.clock.advance(10_000)
  expect((await states()).slice(1)).toEqual(['a processed', 'b delivered', 'c processed'])
  expect(sim.uploads.filter(({ peer }) => peer === 'c')).toHaveLength(1)
  const clients = [client, answering].map(one => one.close({ withinMs: 0 }))
  await sim.until(Promise.all([app.close(), ...clients, ...servers.map(server => server.close())]))
})

test('delivered() says why it never will be: refused by the peer, expired, cancelled, unknown; and it can be given up', async () => {
  const sim = nodes(3)
  const app = await sim.queue('a')
  const expired = await sim.until(app.sendMessage('x', { to: 'b', ttl: 1_000 }))
  const later = await sim.until(app.sendMessage('x', { to: 'b', delay: '1h' }))
  const held = await sim.until(app.status(later.id))
  expect(held).toMatchObject({ state: 'scheduled', deliveries: [{ peer: 'b', dueAt: Date.parse(later.dueAt!) }] })
  expect(await sim.until(code(expired.delivered()))).toBe('MESSAGE_EXPIRED')
  const tracker = await trackerOn(sim)
  const rejected = (id: string) => sim.until(code(sentMessage(tracker, id).delivered()))
  expect(await rejected(later.id)).toBe('MESSAGE_CANCELLED')
  expect(await sim.until(code(app.receipt('nobody').delivered()))).toBe('MESSAGE_UNKNOWN')

  const large = await sim.until(app.sendMessage('x'.repeat(5_000), { to: 'b' }))
  Object.assign(sim.limits, { messageBytesMax: 2_000 })
  const server = await sim.server('b')
  const client = await sim.client('a')
  expect(await sim.until(code(large.delivered()))).toBe('MESSAGE_DEAD')
  const [refused] = (await sim.until(app.status(large.id))).deliveries
  expect(refused).toMatchObject({ state: 'dead', delivered: false, reason: expect.stringContaining('b refused it') })
  await sim.until(Promise.all([client.close({ withinMs: 0 }), server.close()]))

  const waits = await sim.until(app.sendMessage('x', { to: 'b' }))
  const abort = new AbortController()
  const aborting = code(waits.delivered({ signal: abort.signal }))
  const closing = code(waits.delivered())
  abort.abort()
  expect(await sim.until(aborting)).toBe('ABORTED')
  await sim.until(app.close())
  expect(await sim.until(closing)).toBe('CLOSED')
})

test('a receipt is printed and stored as what it says, and a wrong option of its calls is a TypeError', async () => {
  const sim = nodes(4)
  const app = await sim.queue('a')
  const receipt = await sim.until(app.sendMessage('x'))
  expect(JSON.parse(JSON.stringify(receipt))).toEqual({ id: receipt.id, state: 'queued', durability: 'synced' })
  expect(await code(receipt.delivered({ timeouts: 1 } as object))).toBe('TypeError')
  expect(() => app.receipt('')).toThrow(TypeError)
  await sim.until(app.close())
})

test('what was damaged in the outbox before it was sent is never told as delivered', async () => {
  const sim = nodes(31)
  const app = await sim.queue('a')
  const sent = []
  for (const body of ['one', 'two', 'three', 'four'])
    sent.push(await sim.until(app.sendMessage(`the body ${body}`, { to: 'b', channel: 'orders' })))
  const heard = sent.map(message => code(message.delivered()))
  await sim.clock.advance(2_000)

  const { disk } = sim.machine('a')
  const folder = `${SPOOL}/outbox/b/orders/4`
  const path = `${folder}/${(await sim.until(disk.list(folder)))[0]!.name}`
  disk.flip(path, disk.peek(path)!.indexOf('the body two') + 5, 3)
  const server = await sim.server('b')
  const client = await sim.client('a')
  expect(await sim.until(Promise.all(heard))).toEqual(['resolved', 'MESSAGE_DEAD', 'resolved', 'resolved'])
  const reader = await sim.queue('b')
  const got = await sim.until(reader.poll({ channel: 'orders', max: 10, wait: 3_000 }))
  expect(got.map(message => message.text())).toEqual(['the body one', 'the body three', 'the body four'])
  await sim.until(Promise.all([app.close(), reader.close(), client.close({ withinMs: 0 }), server.close()]))
})
