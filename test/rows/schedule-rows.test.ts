import { expect, test } from 'vitest'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { openSender, openSpool, outbox } from '../scheduler/desk.ts'
import { SimNodes, SPOOL } from './sim-nodes.ts'

const LIMITS = { scanMs: 2_000, retryMsMin: 50 }

/** A node whose inbox is owned, with a schedule of so many shards and somebody who sends itself what is for later. */
async function node(seed: number, shards: number) {
  const nodes = new SimNodes({ seed, names: ['berlin'], limits: LIMITS })
  const machine = nodes.machine('berlin')
  const owner = await nodes.server('berlin')
  const start = async (name: string) => {
    const spool = await openSpool(machine.process(name), LIMITS, SPOOL)
    return Scheduler.start({ spool, shards })
  }
  const sender = await nodes.until(
    openSpool(machine.process('sender'), LIMITS, SPOOL).then(spool => openSender(spool, shards))
  )
  const send = (due: number, id: string) => sender.send(due, { id, to: 'berlin' })
  return { nodes, clock: nodes.clock, machine, owner, start, send }
}

const firedBy = (scheduler: Scheduler) => scheduler.status().shards.reduce((sum, { fired }) => sum + fired, 0)

test('H11: of 10,000 due at once three schedulers hand over each; one is killed in the middle, the others finish, and each is polled once', async () => {
  const { nodes, clock, machine, start, send } = await node(11, 9)
  const pool: Scheduler[] = []
  for (const name of ['a', 'b', 'c']) {
    pool.push(await nodes.until(start(name)))
    await clock.advance(8_000)
  }
  const ids = Array.from({ length: 10_000 }, (_, i) => `m${i}`)
  const due = clock.now() + 5_000
  await nodes.until(Promise.all(ids.map(id => send(due, id))))
  await clock.advance(due - clock.now() - 1)
  expect(pool.map(firedBy)).toEqual([0, 0, 0])
  // A third is each one's; this one dies when it has handed over a part of its own.
  for (let ms = 0; firedBy(pool[1]!) < 500 && ms < 10_000; ms++) await clock.advance(0.5)
  machine.process('b').kill()
  expect(firedBy(pool[1]!)).toBeLessThan(3_000)
  await clock.advance(20_000)
  const fired = pool.map(firedBy)
  expect(Math.min(...fired)).toBeGreaterThan(400)
  const found = await nodes.until(outbox(machine.disk, SPOOL))
  expect(new Set(found.map(({ id }) => id)).size).toBe(10_000)
  expect(found.filter(({ at }) => !(at >= due))).toEqual([])
  const got = await nodes.take(await nodes.queue('berlin'))
  expect(got.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  expect(got.filter(({ deliveries }) => deliveries !== 1)).toEqual([])
})

/** The row: 500 deaths. In worlds of some each, so that no folder has many files. */
const WORLDS = 20
const KILLS = 25

test('H15: simulated schedulers that are killed 500 times while messages are due hand over each at least once, and each is polled exactly once', async () => {
  let dropped = 0
  for (let world = 0; world < WORLDS; world++) {
    const { nodes, clock, machine, start, send } = await node(1_500 + world, 1)
    const random = new SimRandom(`kills ${world}`)
    const dues = new Map<string, number>()
    for (let kill = 0; kill < KILLS; kill++) {
      for (let i = random.int(4); i >= 0; i--) {
        const id = `m${dues.size}`
        const due = clock.now() + random.int(200)
        dues.set(id, due)
        await nodes.until(send(due, id))
      }
      void start('scheduler').catch(() => undefined)
      await clock.advance(random.between(0, 60))
      machine.process('scheduler').kill()
    }
    await nodes.until(start('scheduler'))
    await clock.advance(3_000)
    const found = await nodes.until(outbox(machine.disk, SPOOL))
    expect(found.filter(({ id, at }) => !(at >= dues.get(id)!))).toEqual([])
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(dues.keys()))
    dropped += found.length - dues.size
    const got = await nodes.take(await nodes.queue('berlin'))
    expect(got.map(({ id }) => id).toSorted(), `world ${world}`).toEqual([...dues.keys()].toSorted())
  }
  // Else no death came between a hand-over and its mark.
  expect(dropped).toBeGreaterThan(10)
})

const MINUTE = 60_000
const HOUR = 3_600_000
/** More than promoting a bucket takes. */
const STEPS_MAX = 500

test('H7: a scheduler killed at any call of the disk while it moves a bucket to the near level: the next one moves it, each message goes once, on time, and no copy is left', async () => {
  let k = 1
  for (let calls = k; calls >= k && k < STEPS_MAX; k += 3) {
    const { nodes, clock, machine, start, send } = await node(700, 1)
    const first = await nodes.until(start('scheduler'))
    // In an hour bucket until that hour is near.
    const due = clock.now() + 2 * HOUR
    const ids = Array.from({ length: 5 }, (_, i) => `m${i}`)
    for (const id of ids) await nodes.until(send(due, id))
    await clock.advance(2_000)
    await nodes.until(first.close())
    machine.clockOffsetMs += HOUR + 59.2 * MINUTE
    calls = 0
    const rule = machine.disk.failNext({
      call: 'any',
      code: 'EIO',
      path: path => {
        if (/\/schedule\/(?!in)/.test(path) && ++calls === k) machine.process('mover').kill()
        return false
      }
    })
    void start('mover').catch(() => undefined)
    await clock.advance(2_000)
    rule.remove()
    // The next step is tried if this life came to this one.
    if (calls === k) calls += 3
    machine.process('mover').kill()
    await nodes.until(start('heir'))
    await clock.advance(5_000)
    const spool = await nodes.until(openSpool(machine.process('app'), LIMITS, SPOOL))
    const schedule = new Schedule({ spool })
    const { messages } = await nodes.until(schedule.list({ limit: 100 }))
    expect(messages.map(({ id }) => id).toSorted(), `call ${k}`).toEqual(ids)
    const told = (await nodes.until(schedule.forecast())).map(({ level, messages }) => `${messages} ${level}`)
    expect(told, `call ${k}`).toEqual(['5 minute'])
    machine.clockOffsetMs += MINUTE
    await clock.advance(5_000)
    const found = await nodes.until(outbox(machine.disk, SPOOL))
    expect(found.map(({ id }) => id).toSorted(), `call ${k}`).toEqual(ids)
    expect(found.filter(({ at }) => !(at >= due))).toEqual([])
    expect((await nodes.until(schedule.list())).messages).toEqual([])
  }
  expect(k).toBeGreaterThan(30)
})
