import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('P7: a dead peer and one that never answers delay a third by nothing, and lose nothing themselves', async () => {
  const took = async (trouble: boolean) => {
    const sim = new SimNodes({ seed: 70, names: ['berlin', 'tokyo', 'paris', 'lima'], limits: { retryMsMax: 10_000 } })
    const owner = await sim.server('tokyo')
    const others = [await sim.server('paris'), await sim.server('lima')]
    if (trouble) sim.down.add('paris')
    sim.wire = peer => (trouble && peer === 'lima' ? { loseRequest: true } : { delayMs: 2 })
    await sim.client('berlin')
    const queue = await sim.queue('berlin')
    let longest = 0
    for (const n of range(0, 100)) {
      const since = sim.clock.ticks()
      await sim.until(queue.sendMessage(n, { to: ['tokyo', 'paris', 'lima'] }))
      while (owner.depth() <= n) await sim.clock.advance(0.25)
      longest = Math.max(longest, sim.clock.ticks() - since)
      await sim.clock.advance(500)
    }
    sim.down.clear()
    sim.wire = () => undefined
    await sim.clock.advance(60_000)
    expect(others.map(other => other.depth())).toEqual([100, 100])
    return longest
  }
  const [alone, beside] = [await took(false), await took(true)]
  expect(beside).toBeLessThan(alone * 1.5 + 5)
})

test('P7: a message that fails every time ends among the dead letters, and the 999 around it are done once, in order', async () => {
  const sim = new SimNodes({
    seed: 71,
    names: ['berlin'],
    limits: { attemptsMax: 4, attemptMsMin: 10, attemptMsMax: 100 }
  })
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessages(range(0, 1_000)))
  const done: unknown[] = []
  let tries = 0
  const consumer = queue.consume('common', message => {
    if (message.body !== 500) return void done.push(message.body)
    tries++
    throw new Error('poison')
  })
  await sim.clock.advance(60_000)
  await sim.until(consumer.stop())
  expect(done).toEqual(range(0, 1_000).filter(n => n !== 500))
  // One attempt and four retries.
  expect(tries).toBe(5)
  const dead = await sim.until(listSegments(sim.machine('berlin').disk, '/spool/dead/common'))
  expect(dead.length).toBe(1)
  expect(sim.machine('berlin').disk.peek(dead[0]!.path)!.toString('latin1')).toContain('poison')
})

test('P7: a channel with 20,000 messages that nobody takes delays no other channel, from sending to polling', async () => {
  const sim = new SimNodes({ seed: 72, names: ['berlin', 'tokyo'] })
  await sim.server('tokyo')
  await sim.client('berlin')
  const queue = await sim.queue('berlin')
  const tokyo = await sim.queue('tokyo')
  for (const n of range(0, 20)) {
    const bodies = range(n * 1_000, n * 1_000 + 1_000)
    await sim.until(queue.sendMessages(bodies, { to: 'tokyo', channel: 'full' }))
    const since = sim.clock.ticks()
    await sim.until(queue.sendMessage(n, { to: 'tokyo', channel: 'free' }))
    const message = (await sim.until(tokyo.poll({ channel: 'free', wait: 10_000 })))!
    expect(message.body).toBe(n)
    expect(sim.clock.ticks() - since).toBeLessThan(2_500)
    await sim.until(message.ack())
  }
})

test('P7: a damaged file costs the one message that it hit; all others arrive, and what was damaged is set aside', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const sim = new SimNodes({ seed, names: ['berlin', 'tokyo'] })
    const random = sim.world.random.fork('test')
    const queue = await sim.queue('berlin')
    for (const n of range(0, 50)) await sim.until(queue.sendMessage(`${n} ${'x'.repeat(200)}`, { to: 'tokyo' }))
    for (const n of range(0, 20)) await sim.until(queue.sendMessage(n, { to: 'tokyo', channel: 'other' }))
    await sim.until(queue.close())
    const { disk } = sim.machine('berlin')
    const [segment] = await sim.until(listSegments(disk, '/spool/outbox/tokyo/common/4'))
    const bytes = disk.peek(segment!.path)!.length
    // Behind the head of the file, before the seal.
    disk.flip(segment!.path, 64 + random.int(bytes - 264), random.int(8))
    await sim.server('tokyo')
    await sim.client('berlin')
    await sim.clock.advance(20_000)
    const tokyo = await sim.queue('tokyo')
    const got = (await sim.take(tokyo, 'common', 500)).map(message => message.body)
    const whole = range(0, 50).map(n => `${n} ${'x'.repeat(200)}`)
    expect(got.length, `seed ${seed}`).toBeGreaterThanOrEqual(49)
    expect(whole.filter(body => got.includes(body))).toEqual(got)
    expect((await sim.take(tokyo, 'other', 500)).map(message => message.body)).toEqual(range(0, 20))
    expect((await sim.until(disk.list('/spool/corrupt'))).length).toBeGreaterThan(0)
  }
})
