import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { shardToAskFor } from '../../src/scheduler/fair-share.ts'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { SimRandom, SimWorld } from '../../src/system/sim/index.ts'
import { openSender, openSpool, outbox, tree } from './desk.ts'

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000
/** Where hours pass: looking costs time. Who sends what is due soon pokes. */
const SELDOM = { scanMs: 15_000 }

async function world(seed: string, limits = {}) {
  const world = new SimWorld({ seed })
  const node = world.node('berlin')
  const { clock } = world
  const start = async (name = 'scheduler') => {
    const spool = await clock.until(openSpool(node.process(name), limits))
    return clock.until(Scheduler.start({ spool }))
  }
  const spool = await clock.until(openSpool(node.process('app'), limits))
  const sender = await clock.until(openSender(spool))
  const read = () => clock.until(outbox(node.disk))
  return { world, node, clock, spool, sender, start, read }
}

test('H4: a message is in the outbox when it is due, not before, under the id that the sender was given', async () => {
  const { clock, sender, start, read } = await world('due')
  await start()
  const due = clock.now() + 5_000
  const id = await clock.until(sender.send(due, { body: 'later' }))
  // Reading takes some ms; of the last ones before it is due its frame tells, below.
  await clock.advance(due - clock.now() - 20)
  expect(await read()).toEqual([])
  expect(clock.now()).toBeLessThan(due)
  await clock.advance(200)
  const [message, ...more] = await read()
  expect(more).toEqual([])
  expect(message).toMatchObject({ id, to: 'tokyo', channel: 'common', remembered: true })
  expect(message!.body.toString()).toBe('later')
  expect(message!.headers).toEqual({ 'dropr-due-at': new Date(due).toISOString() })
  expect(message!.at).toBeGreaterThanOrEqual(due)
  expect(message!.at).toBeLessThan(due + 20)
})

test('H4: of 1,000 messages with random due times within 30 s none is in the outbox early, and 99 % are there within 100 ms', async () => {
  const { clock, sender, start, read } = await world('thousand')
  await start()
  const random = new SimRandom('thousand')
  const begin = clock.now() + 2_000
  const dues = Array.from({ length: 1_000 }, () => begin + random.int(30_000))
  await clock.until(Promise.all(dues.map((due, i) => sender.send(due, { id: `m${i}` }))))
  await clock.advance(40_000)
  const late = (await read()).map(({ id, at }) => at - dues[Number(id.slice(1))]!)
  expect(late).toHaveLength(1_000)
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
  expect(late.toSorted((a, b) => a - b)[990]).toBeLessThan(100)
})

test('H13: what was scheduled with no scheduler running goes out at start, in due order, marked late', async () => {
  const { clock, sender, start, read } = await world('down')
  const now = clock.now()
  const seconds = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) * 5)
  for (const after of seconds) await clock.until(sender.send(now + after * 1_000, { body: String(after) }))
  await clock.advance(10 * MINUTE)
  await start()
  await clock.advance(5_000)
  const found = await read()
  expect(found.map(({ body }) => Number(body.toString()))).toEqual(seconds.toSorted((a, b) => a - b))
  for (const { body, headers } of found)
    expect(Number(headers['dropr-late-ms'])).toBeGreaterThanOrEqual(10 * MINUTE - Number(body.toString()) * 1_000)
})

test('H5 H6: a far message goes to a day bucket, a near one to a minute bucket, and folders go when they are empty', async () => {
  const { clock, node, sender, start, read } = await world('levels', SELDOM)
  await start()
  await clock.until(sender.send(clock.now() + 30 * DAY))
  await clock.until(sender.send(clock.now() + 2 * HOUR))
  await clock.until(sender.send(clock.now() + 5 * MINUTE))
  await clock.advance(20_000)
  const buckets = async () =>
    (await clock.until(tree(node.disk, '/s/schedule'))).filter(
      name => name.split('/').length === 3 && !/in|marks/.test(name.split('/')[1]!.replace('minute', 'm'))
    )
  expect(await buckets()).toEqual(['/day/2026-01-31', '/hour/2026-01-01T02', '/minute/2026-01-01T00-05'])
  await clock.advance(HOUR + 59.2 * MINUTE)
  expect(await buckets()).toEqual(['/day/2026-01-31', '/minute/2026-01-01T02-00'])
  expect(await read()).toHaveLength(1)
  await clock.advance(10 * MINUTE)
  expect(await buckets()).toEqual(['/day/2026-01-31'])
  expect(await read()).toHaveLength(2)
})

test('H19: cancel, move, edit, show and send now answer which side won, with a scheduler and without one', async () => {
  for (const running of [true, false]) {
    const { clock, spool, sender, start, read } = await world(`steer ${running}`, SELDOM)
    if (running) await start()
    const schedule = new Schedule({ spool })
    const due = clock.now() + 20 * MINUTE
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await clock.until(sender.send(due, { body: `m${i}` })))
    const [cancelled, moved, edited, now, left] = ids as [string, string, string, string, string]
    expect(await clock.until(schedule.cancel(cancelled))).toEqual({
      id: cancelled,
      done: true,
      state: 'cancelled',
      dueAt: due
    })
    expect(await clock.until(schedule.cancel(cancelled))).toMatchObject({ done: false })
    expect(await clock.until(schedule.reschedule(moved, due + 10 * MINUTE))).toMatchObject({
      done: true,
      state: 'scheduled'
    })
    const body = { kind: 'text' as const, bytes: Buffer.from('edited') }
    expect(await clock.until(schedule.edit(edited, body))).toMatchObject({ done: true, dueAt: due })
    expect(await clock.until(schedule.sendNow(now))).toMatchObject({ done: true, state: 'fired' })
    expect((await read()).map(({ id }) => id)).toEqual([now])
    expect(await clock.until(schedule.cancel('never-was'))).toEqual({ id: 'never-was', done: false, state: 'unknown' })
    const shown = await clock.until(schedule.show(edited))
    expect(shown).toMatchObject({ state: 'scheduled', messages: [{ dueAt: due, to: 'tokyo' }] })
    expect(shown.messages[0]!.body.toString()).toBe('edited')
    const page = await clock.until(schedule.list())
    expect(page.messages.map(({ id }) => id).sort()).toEqual([moved, edited, left].sort())
    expect(page.messages.at(-1)!.id).toBe(moved)
    if (!running) await start()
    await clock.advance(21 * MINUTE)
    expect((await read()).map(({ body: b }) => b.toString()).sort()).toEqual(['edited', 'm3', 'm4'])
    await clock.advance(10 * MINUTE)
    expect((await read()).map(({ id }) => id).sort()).toEqual([moved, edited, now, left].sort())
  }
})

test('CLOCK-1: what could not be handed over when it was due, and is no longer due when the clock steps back, waits', async () => {
  const { clock, node, sender, start, read } = await world('failed, then back')
  await start()
  const due = clock.now() + 2_000
  await clock.until(sender.send(due))
  const rule = node.disk.failNext({ call: 'any', code: 'EIO', path: path => path.includes('/outbox/'), times: 100 })
  await clock.advance(2_500)
  expect(rule.hits).toBeGreaterThan(0)
  node.clockOffsetMs -= MINUTE
  rule.remove()
  await clock.advance(MINUTE - 1_000)
  expect(await read()).toEqual([])
  await clock.advance(2_000)
  expect(await read()).toMatchObject([{ headers: { 'dropr-due-at': new Date(due).toISOString() } }])
})

test('H21 CLOCK-1: the wall clock an hour forward or back at any moment neither loses nor doubles, and nothing goes out before its time', async () => {
  for (const step of [HOUR, -HOUR]) {
    const { clock, node, sender, start, read } = await world(`step ${step}`, SELDOM)
    await start()
    const dues: number[] = []
    for (let i = 0; i < 100; i++) {
      const due = clock.now() + Math.round((i / 100) * 1.5 * HOUR)
      dues.push(due)
      await clock.until(sender.send(due, { id: `m${i}` }))
    }
    await clock.advance(HOUR / 2)
    node.clockOffsetMs += step
    await clock.advance(HOUR / 2)
    node.clockOffsetMs -= step / 2
    await clock.advance(1.2 * HOUR)
    const found = await read()
    expect(found.map(({ id }) => id).sort()).toEqual(dues.map((_, i) => `m${i}`).sort())
    for (const { id, sentAt } of found) expect(sentAt).toBeGreaterThanOrEqual(dues[Number(id.slice(1))]!)
  }
})

test('P8: two shards of one process share one growing segment of each outbox: of a writer only the newest may grow', async () => {
  const { clock, node } = await world('shards')
  const spool = await clock.until(openSpool(node.process('sharded')))
  await clock.until(Scheduler.start({ spool, shards: 2 }))
  const sender = await clock.until(openSpool(node.process('sender')).then(opened => openSender(opened, 2)))
  const ids = Array.from({ length: 20 }, (_, i) => `m${i}`)
  for (const [i, id] of ids.entries()) await clock.until(sender.send(clock.now() + 1_000 + i * 200, { id }))
  await clock.advance(8_000)
  expect((await clock.until(outbox(node.disk))).map(({ id }) => id).sort()).toEqual(ids.sort())
  expect(await clock.until(listSegments(node.disk, '/s/outbox/tokyo/common/4'))).toHaveLength(1)
})

test('H10 H11: schedulers that come one after the other share nine shards evenly; with one killed the others take its part, and of 2,000 due at once each goes once', async () => {
  const { clock, node } = await world('share')
  const names = ['a', 'b', 'c']
  const pool: Scheduler[] = []
  for (const name of names) {
    const spool = await clock.until(openSpool(node.process(name), { scanMs: 500 }))
    pool.push(await clock.until(Scheduler.start({ spool, shards: 9 })))
    await clock.advance(8_000)
    const fair = 9 / pool.length
    for (const scheduler of pool) {
      const { shards, shardsElsewhere } = scheduler.status()
      expect(shards.length).toBeGreaterThanOrEqual(Math.floor(fair))
      expect(shards.length).toBeLessThanOrEqual(Math.ceil(fair))
      expect(shards.length + shardsElsewhere.length).toBe(9)
    }
  }
  const sender = await clock.until(openSpool(node.process('sender')).then(opened => openSender(opened, 9)))
  const ids = Array.from({ length: 2_000 }, (_, i) => `m${i}`)
  const due = clock.now() + 10_000
  await clock.until(Promise.all(ids.map(id => sender.send(due, { id }))))
  // Before anything is due: what is in hand when one dies may go again, and is dropped where it arrives (P8).
  node.process('b').kill()
  await clock.advance(9_000)
  const left = pool.filter((_, i) => i !== 1).map(scheduler => scheduler.status().shards.length)
  expect([Math.min(...left), Math.max(...left)]).toEqual([4, 5])
  await clock.advance(5_000)
  expect((await clock.until(outbox(node.disk))).map(({ id }) => id).sort()).toEqual(ids.toSorted())
})

test('H11: who has no more than one shard more than another gives none', () => {
  const of = (...counts: number[]) => {
    const all = counts.flatMap((count, who) => Array.from({ length: count }, () => `w${who}`))
    return new Map(all.map((by, shard) => [shard, by]))
  }
  expect(shardToAskFor(0, of(1))).toBeUndefined()
  expect(shardToAskFor(0, of(2))).toBe(1)
  expect(shardToAskFor(1, of(2, 2))).toBeUndefined()
  expect(shardToAskFor(1, of(2, 3, 2))).toBe(4)
  expect(shardToAskFor(0, new Map())).toBeUndefined()
})
