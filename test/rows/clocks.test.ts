import { expect, test } from 'vitest'
import { SimNodes } from './sim-nodes.ts'

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000

test('CLOCK-7: between nodes whose clocks are 10 minutes apart, either way, messages arrive once, ids are known again, and leases last as long as they were asked for', async () => {
  for (const apart of [10 * MINUTE, -10 * MINUTE]) {
    const limits = { retryMsMin: 10, retryMsMax: 1_000, answerMsMax: 300 }
    const nodes = new SimNodes({ seed: 7, names: ['berlin', 'tokyo'], limits })
    nodes.machine('tokyo').clockOffsetMs = apart
    // Every second answer is lost: what came is told by its numbers, not by anybody's clock.
    let uploads = 0
    nodes.wire = () => (uploads++ % 2 === 0 ? { loseAnswer: true } : {})
    await nodes.server('tokyo')
    await nodes.client('berlin')
    const here = await nodes.queue('berlin')
    for (let i = 0; i < 20; i++) {
      await nodes.until(here.sendMessage(i, { to: 'tokyo', id: `m${i % 10}` }))
      await nodes.clock.advance(1_000)
    }
    await nodes.clock.advance(30_000)
    expect(uploads).toBeGreaterThan(20)
    const there = await nodes.queue('tokyo')
    const other = await nodes.queue('tokyo', 'other')
    const first = (await nodes.until(there.poll({ lease: '30s' })))!
    await nodes.clock.advance(29_000)
    expect((await nodes.until(other.peek({ max: 100 }))).map(({ id }) => id)).not.toContain('m0')
    await nodes.clock.advance(2_000)
    expect((await nodes.until(other.poll({ wait: '5s' })))!).toMatchObject({ id: first.id, deliveries: 2 })
    await expect(nodes.until(first.ack())).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await nodes.until(other.close())
    const got = await nodes.take(there)
    expect(got.map(({ id, body }) => [id, body])).toEqual(Array.from({ length: 10 }, (_, i) => [`m${i}`, i]))
  }
})

test('CLOCK-1: the wall clock an hour back or forward ends no lease early or late, sends nothing twice, and ids go on rising', async () => {
  for (const step of [-HOUR, HOUR]) {
    const nodes = new SimNodes({ seed: 1, names: ['berlin', 'tokyo'], limits: { retryMsMin: 10, retryMsMax: 1_000 } })
    await nodes.server('tokyo')
    await nodes.client('berlin')
    const here = await nodes.queue('berlin')
    const there = await nodes.queue('tokyo')
    const ids: string[] = []
    const send = async () => {
      for (let i = 0; i < 20; i++) ids.push((await nodes.until(here.sendMessage(ids.length, { to: 'tokyo' }))).id)
      await nodes.clock.advance(2_000)
    }
    await send()
    const held = (await nodes.until(there.poll({ lease: '30s' })))!
    await nodes.clock.advance(10_000)
    for (const name of ['berlin', 'tokyo']) nodes.machine(name).clockOffsetMs += step
    await send()
    await nodes.clock.advance(15_000)
    // 27 s of its 30.
    const waiting = (await nodes.until(there.peek({ max: 100 }))).map(({ id }) => id)
    expect(waiting).not.toContain(held.id)
    await nodes.clock.advance(4_000)
    expect((await nodes.until(there.peek({ max: 100 }))).map(({ id }) => id)).toContain(held.id)
    expect(ids).toEqual(ids.toSorted())
    expect(new Set(ids).size).toBe(40)
    const got = await nodes.take(there)
    expect(got.map(({ body }) => body)).toEqual(ids.map((_, i) => i))
    expect(got.filter(({ id, deliveries }) => id !== held.id && deliveries !== 1)).toEqual([])
  }
})

test('CLOCK-2: a day forward while the owner is away leaves leases with those who hold them, and removes nothing that is younger than its retention', async () => {
  const nodes = new SimNodes({ seed: 2, names: ['tokyo'], limits: { retentionMs: 2 * DAY } })
  let owner = await nodes.server('tokyo')
  const queues = [await nodes.queue('tokyo', 'one'), await nodes.queue('tokyo', 'two')]
  await nodes.until(queues[0]!.sendMessages(Array.from({ length: 12 }, (_, i) => i)))
  while (owner.depth() < 12) await nodes.clock.advance(10)
  const done = (await nodes.until(queues[0]!.poll()))!
  await nodes.until(done.ack())
  const held = []
  for (const queue of queues) held.push(...(await nodes.until(queue.poll({ max: 5, lease: '60s' }))))
  nodes.machine('tokyo').process('server').kill()
  nodes.machine('tokyo').clockOffsetMs += DAY
  owner = await nodes.server('tokyo')
  await nodes.clock.advance(10_000)
  // One waits; by the clock on the wall the leases of ten ended a day ago.
  expect(owner.depths()).toMatchObject([{ pending: 1, leased: 10 }])
  for (const message of held) await nodes.until(message.ack())
  await nodes.clock.advance(10 * MINUTE)
  expect(owner.depths()).toMatchObject([{ pending: 1, leased: 0 }])
  expect(await nodes.until(queues[1]!.replay({ all: true }))).toMatchObject({ moved: 11 })
  // By its own age it is old enough when two days have passed by that clock.
  nodes.machine('tokyo').clockOffsetMs += 2 * DAY
  expect((await nodes.take(queues[1]!)).length).toBe(12)
})

test('CLOCK-6: with the clock at 1970 at boot nothing that was sent before ends, and what ends by the right clock ends when it is right again', async () => {
  const nodes = new SimNodes({ seed: 6, names: ['berlin', 'tokyo'], limits: { retryMsMin: 10, retryMsMax: 1_000 } })
  const berlin = nodes.machine('berlin')
  const before = await nodes.queue('berlin')
  const bodies = ['no end', 'a day', 'a minute']
  for (const [i, ttl] of [undefined, '1d', '1m'].entries())
    await nodes.until(before.sendMessage(bodies[i]!, { to: 'tokyo', ...(ttl && { ttl }) }))
  await nodes.until(before.close())
  const booted = nodes.clock.now()
  berlin.clockOffsetMs = MINUTE - booted
  await nodes.client('berlin')
  const early = await nodes.queue('berlin', 'early')
  await nodes.until(early.sendMessage('here', { ttl: '1h' }))
  const held = (await nodes.until(early.poll({ wait: 5_000, lease: '10m' })))!
  await nodes.clock.advance(2 * MINUTE)
  berlin.clockOffsetMs = 0
  await nodes.until(held.ack())
  // At 2099 all that has an end would be past it: no program knows better, and `check` warns of both.
  await nodes.server('tokyo')
  await nodes.clock.advance(30_000)
  expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual(['no end', 'a day'])
})
