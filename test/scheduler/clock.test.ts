import { expect, test } from 'vitest'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { SOAK } from '../soak.ts'
import { openSender, openSpool, outbox } from './desk.ts'

const MINUTE = 60_000
const DAY = 86_400_000

async function world(seed: string) {
  const world = new SimWorld({ seed })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  const start = async (name = 'scheduler') =>
    clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process(name))) }))
  /** By the wall clock of the node, and on to a moment after it. */
  const stepTo = async (at: number) => {
    node.clockOffsetMs = at - clock.now()
    await clock.advance(2_000)
  }
  const wentIds = async () => (await clock.until(outbox(node.disk))).map(({ id }) => id)
  return { clock, node, spool, sender, start, stepTo, wentIds }
}

test('H23 CLOCK-5: what is due in 60 days, in 2040 and in 9999 goes then and not before, over restarts', async () => {
  const { clock, sender, start, stepTo, wentIds } = await world('far')
  const dues = [
    clock.now() + 25 * DAY,
    clock.now() + 60 * DAY,
    Date.UTC(2038, 0, 20),
    Date.UTC(2040, 0, 1),
    Date.UTC(9999, 11, 31, 23, 59)
  ]
  for (const [i, due] of dues.entries()) await clock.until(sender.send(due, { id: `m${i}` }))
  let scheduler = await start()
  for (const [i, due] of dues.entries()) {
    await stepTo(due - 10_000)
    expect(await wentIds()).toHaveLength(i)
    if (i % 2 === 0) {
      await clock.until(scheduler.close())
      scheduler = await start()
    }
    await stepTo(due - 1_000)
    expect(await wentIds()).toEqual(dues.slice(0, i + 1).map((_, n) => `m${n}`))
  }
})

test('CLOCK-2: a day forward brings each message that is due by then once, in due order, and none of the others', async () => {
  const { clock, node, sender, start, wentIds } = await world('day')
  await start()
  const now = clock.now()
  const hours = [30, 5, 23, 1, 25, 12]
  for (const hour of hours) await clock.until(sender.send(now + hour * 3_600_000, { id: `${hour}` }))
  await clock.advance(3_000)
  node.clockOffsetMs += DAY
  await clock.advance(5_000)
  expect(await wentIds()).toEqual(['1', '5', '12', '23'])
  node.clockOffsetMs -= DAY
  await clock.advance(5_000)
  expect(await wentIds()).toHaveLength(4)
})

test('CLOCK-6: with the clock at 1970 at boot nothing goes; once it is corrected all goes that is due, and no more', async () => {
  const { clock, node, sender, start, stepTo, wentIds } = await world('1970')
  const now = clock.now()
  await stepTo(5_000)
  await start()
  await clock.until(sender.send(now + MINUTE, { id: 'soon' }))
  await clock.until(sender.send(now + DAY, { id: 'tomorrow' }))
  await clock.until(sender.send(now - DAY, { id: 'yesterday' }))
  await clock.advance(MINUTE)
  expect(await wentIds()).toEqual([])
  node.clockOffsetMs = 0
  await clock.advance(10_000)
  expect(await wentIds()).toEqual(['yesterday', 'soon'])
})

test('CLOCK-6: a clock that was at 2099 for a moment takes nobody the right to cancel, after a restart neither', async () => {
  const { clock, spool, sender, start, stepTo, wentIds } = await world('2099')
  const now = clock.now()
  await stepTo(Date.UTC(2099, 0, 1))
  const scheduler = await start()
  await clock.until(sender.send(now, { id: 'first' }))
  await clock.advance(2_000)
  await stepTo(now + 10_000)
  await clock.until(sender.send(now + DAY, { id: 'kept' }))
  await clock.until(sender.send(now + DAY, { id: 'cancelled' }))
  await clock.until(scheduler.close())
  await start('again')
  const schedule = new Schedule({ spool })
  expect(await clock.until(schedule.cancel('cancelled'))).toMatchObject({ done: true, state: 'cancelled' })
  await stepTo(now + DAY)
  expect(await wentIds()).toEqual(['first', 'kept'])
})

test('CLOCK-8: while a leap second is smeared over a day nothing goes early or twice', async () => {
  const { clock, node, sender, start } = await world('smear')
  await start()
  const begin = clock.now() + 5_000
  for (let i = 0; i < 100; i++) await clock.until(sender.send(begin + i * 300, { id: `m${i}` }))
  // The whole second within half a minute: faster than any real one.
  for (let i = 0; i < 100; i++) {
    node.clockOffsetMs -= 10
    await clock.advance(300)
  }
  await clock.advance(10_000)
  const found = await clock.until(outbox(node.disk))
  expect(found.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => `m${i}`))
  for (const { sentAt, id } of found) expect(sentAt).toBeGreaterThanOrEqual(begin + Number(id.slice(1)) * 300)
})

test('CLOCK-8: what was read in one zone is due at that instant in every other', async () => {
  const zone = process.env.TZ
  try {
    const { clock, sender, start, stepTo, wentIds } = await world('zone')
    process.env.TZ = 'Europe/Berlin'
    const due = clock.now() + 40 * DAY
    await clock.until(sender.send(due, { id: 'm' }))
    const scheduler = await start()
    for (const other of ['Pacific/Kiritimati', 'America/New_York', undefined]) {
      if (other === undefined) delete process.env.TZ
      else process.env.TZ = other
      await stepTo(due - 5_000)
      expect(await wentIds()).toEqual([])
    }
    await clock.until(scheduler.close())
    await start()
    await stepTo(due)
    expect(await wentIds()).toEqual(['m'])
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

test('H12: ticks over each other and over a running scheduler hand each message over once', async () => {
  const { clock, node, spool, sender, start, wentIds } = await world('ticks')
  await start()
  const due = clock.now() + 2_000
  const ids = Array.from({ length: 200 }, (_, i) => `m${i}`)
  for (const id of ids) await clock.until(sender.send(due, { id }))
  await clock.advance(1_990)
  // Slower than the ticks come.
  node.disk.calls.latencyMs = [100, 300]
  const ticks = Array.from({ length: 5 }, () => new Schedule({ spool }).tick())
  await clock.advance(5_000)
  const told = (await clock.until(Promise.all(ticks))).flat()
  expect(await wentIds()).toEqual(ids)
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
})

/** The row: a million, in the bench ten of them. */
const MANY = SOAK ? 300_000 : 10_000

test('H5 H8: a tick that hands over what is due reads its bucket and no other: as many calls of the disk with 10,000 messages (300,000 in the soak) in 30 day buckets as with 1,000', async () => {
  const callsWith = async (held: number) => {
    const { clock, node, sender, start, wentIds } = await world('reads')
    const scheduler = await start()
    const now = clock.now()
    for (let i = 0; i < held; ) {
      const sends: Promise<string>[] = []
      for (; sends.length < 5_000 && i < held; i++) sends.push(sender.send(now + (i % 30) * DAY + DAY))
      await clock.until(Promise.all(sends))
    }
    const due = clock.now() + 30_000
    await clock.until(Promise.all(Array.from({ length: 50 }, (_, i) => sender.send(due, { id: `m${i}` }))))
    await clock.advance(due - 500 - clock.now())
    const buckets = (await clock.until(node.disk.list('/s/schedule/day'))).map(({ name }) => name)
    expect(buckets.toSorted()).toEqual(
      Array.from({ length: 30 }, (_, i) => new Date(now + (i + 1) * DAY).toISOString().slice(0, 10))
    )
    expect(await wentIds()).toEqual([])
    const paths: string[] = []
    const count = node.disk.failNext({ call: 'any', code: 'EIO', path: path => paths.push(path) < 0 })
    await clock.advance(500)
    await clock.until(scheduler.tick())
    await clock.advance(500)
    count.remove()
    expect(await wentIds()).toHaveLength(50)
    expect(paths.filter(path => /schedule\/(day|hour)\//.test(path))).toEqual([])
    return paths.length
  }
  const few = await callsWith(1_000)
  expect(few).toBeGreaterThan(0)
  expect(await callsWith(MANY)).toBeLessThanOrEqual(few)
}, 600_000)
