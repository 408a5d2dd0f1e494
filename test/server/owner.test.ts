import { expect, test } from 'vitest'
import { Ids } from '../../src/journal/ids.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import type { Claim } from '../../src/server/inbox-port.ts'
import { Owner } from '../../src/server/owner.ts'
import { OutboxWriter } from '../../src/spool/outbox-writer.ts'
import { readDead } from '../../src/spool/room-dead.ts'
import { Spool } from '../../src/spool/spool.ts'
import { WriterLife } from '../../src/spool/writer-life.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { rangeOf, texts } from './inbox-bed.ts'

const ASK = { channels: ['c'], max: 10, bytesMax: 1e9, leaseMs: 60_000, waitMs: 0 }

class OwnerBed {
  readonly world: SimWorld
  constructor(seed: number | string, latencyMs: [number, number] = [0.02, 2]) {
    this.world = new SimWorld({ seed, latencyMs })
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.world.clock.until(promise)
  }

  process(name: string) {
    return this.world.node('a').process(name)
  }

  spool(name: string): Promise<Spool> {
    return this.until(Spool.open({ system: this.process(name), path: '/spool', node: 'here', limits: DEFAULT_LIMITS }))
  }

  async attach(name: string) {
    const spool = await this.spool(name)
    return this.until(Owner.attach({ spool, mayOwn: true }))
  }

  async send(name: string, bodies: string[], channel = 'c') {
    const spool = await this.spool(name)
    const system = this.process(name)
    const life = await this.until(WriterLife.begin(spool))
    const writer = new OutboxWriter({ spool, writer: life.writer, ids: new Ids(system.clock, system.random) })
    const drafts = bodies.map(body => ({ sentAt: 1, kind: 'text' as const, body }))
    await this.until(writer.appendAll({ peer: 'here', channel, priority: 4 }, drafts, id => id))
    return writer
  }
}

function ack(claim: Claim) {
  return claim.runs.map(({ channel, stream, from, count }) => ({
    lease: claim.lease,
    channel,
    stream,
    runs: [[from, from + count] as [number, number]],
    verdict: 'ack' as const
  }))
}

function count(claim: Claim): number {
  return claim.runs.reduce((sum, run) => sum + run.count, 0)
}

test('what a process sends to its own node is handed out to whoever polls, with no daemon', async () => {
  const bed = new OwnerBed(1)
  const port = await bed.attach('app')
  const waiting = port.claim({ ...ASK, waitMs: 30_000 })
  await bed.send('sender', ['a', 'b', 'c'])
  const claim = await bed.until(waiting)
  expect(count(claim)).toBe(3)
  expect(await bed.until(port.settle(ack(claim)))).toEqual(['ok'])
})

test('a consumer in another process is served by the owner, and what it holds comes back when it dies', async () => {
  const bed = new OwnerBed(2)
  const owner = await bed.attach('one')
  await bed.send('sender', ['a', 'b', 'c', 'd'])
  const other = await bed.attach('two')
  await bed.world.clock.advance(5_000)
  const theirs = await bed.until(other.claim({ ...ASK, max: 2 }))
  expect(count(theirs)).toBe(2)
  expect(count(await bed.until(owner.claim(ASK)))).toBe(2)
  bed.process('two').kill()
  const back = await bed.until(owner.claim({ ...ASK, waitMs: 1_000 }))
  expect(back.runs).toMatchObject([{ from: 0, count: 2, deliveries: 2, attempts: 1 }])
})

test('a consumer in another process that waits no longer keeps nobody from what comes, nor its own next question', async () => {
  const bed = new OwnerBed(4)
  await bed.attach('one')
  const other = await bed.attach('two')
  const third = await bed.attach('three')
  for (let round = 0; round < 5; round++) {
    const stop = new AbortController()
    const left = other.claim({ ...ASK, waitMs: 60_000 }, stop.signal)
    const waits = third.claim({ ...ASK, waitMs: 60_000, max: 1 })
    const stays = other.claim({ ...ASK, waitMs: 60_000, max: 1 })
    await bed.world.clock.advance(100)
    stop.abort()
    await expect(bed.until(left)).rejects.toMatchObject({ code: 'ABORTED' })
    await bed.send(`sender-${round}`, ['a', 'b'])
    const claims = [await bed.until(waits), await bed.until(stays)]
    expect(claims.map(count)).toEqual([1, 1])
    expect(await bed.until(third.settle(ack(claims[0]!)))).toEqual(['ok'])
    expect(await bed.until(other.settle(ack(claims[1]!)))).toEqual(['ok'])
    expect(count(await bed.until(other.claim(ASK)))).toBe(0)
  }
})

test('when the owner dies its consumer becomes the owner, keeps its leases, and its verdict is taken', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const bed = new OwnerBed(seed)
    const owner = await bed.attach('one')
    await bed.send('sender', ['a', 'b', 'c', 'd'])
    await bed.world.clock.advance(5_000)
    const other = await bed.attach('two')
    const lost: string[] = []
    other.onLost = leases => lost.push(...leases)
    const held = await bed.until(other.claim({ ...ASK, max: 2 }))
    const dead = await bed.until(owner.claim({ ...ASK, max: 1 }))
    expect([count(held), count(dead)]).toEqual([2, 1])
    const late = bed.world.random.chance(0.5)
    if (late) bed.process('one').kill()
    const settled = other.settle(ack(held))
    if (!late) bed.process('one').kill()
    expect(await bed.until(settled)).toEqual(['ok'])
    expect(lost).toEqual([])
    const rest = await bed.until(other.claim({ ...ASK, waitMs: 5_000 }))
    expect(rest.runs.flatMap(run => Array.from({ length: run.count }, (_, i) => run.from + i))).toEqual([2, 3])
  }
})

test('a server takes the inbox from an application, which goes on as a consumer with its leases', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const bed = new OwnerBed(seed)
    const app = await bed.attach('app')
    const other = await bed.attach('other')
    await bed.send('sender', ['a', 'b', 'c'])
    await bed.world.clock.advance(5_000)
    const held = await bed.until(app.claim({ ...ASK, max: 1 }))
    const theirs = await bed.until(other.claim({ ...ASK, max: 1 }))
    const waiting = app.claim({ ...ASK, channels: ['later'], waitMs: 60_000 })
    const server = await bed.until(Owner.own({ spool: await bed.spool('server') }))
    expect(server.role).toBe('server')
    expect(await bed.until(app.settle(ack(held)))).toEqual(['ok'])
    expect(await bed.until(other.settle(ack(theirs)))).toEqual(['ok'])
    expect(count(await bed.until(app.claim(ASK)))).toBe(1)
    await bed.until(server.store.appendRange(rangeOf('s', 0, texts(2), { channel: 'later' })))
    expect(count(await bed.until(waiting))).toBe(2)
    await expect(bed.until(Owner.own({ spool: await bed.spool('second') }))).rejects.toMatchObject({
      code: 'DAEMON_RUNNING',
      message: expect.stringContaining(`process ${process.pid}`)
    })
    await bed.until(server.close())
    expect(count(await bed.until(app.claim({ ...ASK, waitMs: 100 })))).toBe(0)
  }
})

test('a server that asks an application for the inbox is the next owner, however many others consume', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const bed = new OwnerBed(seed, [0.5, 10])
    for (const name of ['one', 'two', 'three', 'four']) void (await bed.attach(name)).claim({ ...ASK, waitMs: 60_000 })
    const server = await bed.until(Owner.own({ spool: await bed.spool('server') }))
    expect(server.epoch, `seed ${seed}`).toBe(2)
    await bed.until(server.close())
  }
})

test('a consumer that closes gives back what it holds, and the last one lets go of the inbox', async () => {
  const bed = new OwnerBed(3)
  const one = await bed.attach('one')
  const two = await bed.attach('two')
  await bed.send('sender', ['a', 'b'])
  await bed.world.clock.advance(5_000)
  await bed.until(one.claim({ ...ASK, max: 1 }))
  await bed.until(two.claim({ ...ASK, max: 1 }))
  await bed.until(one.close())
  const first = await bed.until(two.claim({ ...ASK, waitMs: 5_000 }))
  expect(first.runs).toMatchObject([{ from: 0, count: 1, deliveries: 2, attempts: 0 }])
  await bed.until(two.close())
  const three = await bed.attach('three')
  expect(count(await bed.until(three.claim({ ...ASK, waitMs: 100 })))).toBe(2)
})

test('a stopped owner is never taken over: its consumers wait, and are told when it takes too long', async () => {
  const bed = new OwnerBed(4)
  await bed.attach('one')
  await bed.attach('two')
  bed.process('one').stop()
  await expect(bed.attach('three')).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE' })
  bed.process('one').continue()
  expect((await bed.until((await bed.attach('three')).claim(ASK))).lease).toBe('')
})

test('a rejected message is found among the dead letters with its reason', async () => {
  const bed = new OwnerBed(5)
  const port = await bed.attach('app')
  await bed.send('sender', ['bad'])
  const claim = await bed.until(port.claim({ ...ASK, waitMs: 30_000 }))
  const [verdict] = ack(claim)
  expect(await bed.until(port.settle([{ ...verdict!, verdict: 'reject', reason: 'no such order' }]))).toEqual(['ok'])
  const letters = await bed.until(readDead(await bed.spool('app'), 'c'))
  expect(letters).toMatchObject([{ note: { reason: 'no such order', code: 'rejected' } }])
})

test('an owner that is stopped keeps nobody who waits no longer: what it gives after that is given back', async () => {
  const bed = new OwnerBed(5)
  const owner = await bed.attach('one')
  const other = await bed.attach('two')
  const third = await bed.attach('three')
  await bed.send('sender', ['a', 'b', 'c'])
  const held = await bed.until(third.claim({ ...ASK, max: 1, waitMs: 5_000 }))
  const stop = new AbortController()
  const asked = other.claim({ ...ASK, max: 1 }, stop.signal)
  bed.process('one').stop()
  await bed.world.clock.advance(60_000)
  stop.abort()
  const closed = third.close()
  const began = bed.world.clock.ticks()
  await expect(bed.until(asked)).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE' })
  await bed.until(closed)
  expect(bed.world.clock.ticks() - began).toBeLessThan(11_000)
  bed.process('one').continue()
  await bed.world.clock.advance(1_000)
  expect(count(held)).toBe(1)
  expect(count(await bed.until(owner.claim({ ...ASK, waitMs: 1_000 })))).toBe(3)
})
