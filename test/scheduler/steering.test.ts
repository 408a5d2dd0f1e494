import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { Schedule, Scheduler, type Steered } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { unvouched } from '../journal/unvouched.ts'
import { openSender, openSpool, outbox } from './desk.ts'

test('P8: a cancel that could not be written down leaves the message where it was: it goes when it is due', async () => {
  const { clock, node } = (() => {
    const world = new SimWorld({ seed: 'cancel fails' })
    return { clock: world.clock, node: world.node('berlin') }
  })()
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('scheduler'))) }))
  const schedule = new Schedule({ spool })
  const begin = clock.now() + 5_000
  const ids = Array.from({ length: 40 }, (_, i) => `m${i}`)
  for (const [i, id] of ids.entries()) await clock.until(sender.send(begin + i * 1_000, { id }))
  let failed = 0
  /** What failed was another mark of that moment. */
  const cancelled: string[] = []
  for (const [i, id] of ids.entries()) {
    // From long before to a little after the moment in which it is taken to be handed over.
    await clock.advance(begin + i * 1_000 - i / 2 - clock.now())
    const rule = node.disk.failNext({ call: 'writeSynced', code: 'EROFS', path: path => path.includes('/marks/') })
    const answer = await clock.until(schedule.cancel(id).catch((error: unknown) => error))
    rule.remove()
    if (answer instanceof Error) {
      failed++
      expect(answer).toMatchObject({ code: 'DISK_READ_ONLY' })
    } else if ((answer as Steered).done) cancelled.push(id)
  }
  await clock.advance(5_000)
  expect(failed).toBeGreaterThan(5)
  const went = (await clock.until(outbox(node.disk))).map(message => message.id)
  expect(cancelled.length).toBeLessThan(5)
  expect(went).toEqual(ids.filter(id => !cancelled.includes(id)))
})

test('a scheduler that stood still answers what it was asked meanwhile, and not something else', async () => {
  const world = new SimWorld({ seed: 'stopped' })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  const process = node.process('scheduler')
  await clock.until(Scheduler.start({ spool: await clock.until(openSpool(process)) }))
  const id = await clock.until(sender.send(clock.now() + 60_000))
  const schedule = new Schedule({ spool })
  process.stop()
  const answer = schedule.sendNow(id)
  await clock.advance(5_000)
  process.continue()
  expect(await clock.until(answer)).toMatchObject({ id, done: true, state: 'fired' })
  process.stop()
  const never = schedule.cancel(id).catch((error: unknown) => error)
  await clock.advance(60_000)
  expect(await clock.until(never)).toMatchObject({ code: 'SCHEDULER_UNREACHABLE' })
})

/** What of a failed write is there is drawn from the seed. */
const SEEDS = Array.from({ length: 8 }, (_, i) => i)

test.each(['/marks/', '/minute/'])(
  'P8: what was moved does not go at its old time when a write to %s failed before, and the scheduler died after',
  async part => {
    for (const seed of SEEDS) {
      const world = new SimWorld({ seed: `ghost ${seed}` })
      const { clock } = world
      const node = world.node('berlin')
      const spool = await clock.until(openSpool(node.process('app')))
      const sender = await clock.until(openSender(spool))
      const process = node.process('scheduler')
      await clock.until(Scheduler.start({ spool: await clock.until(openSpool(process)) }))
      const begin = clock.now()
      const rule = node.disk.failNext({ call: 'writeSynced', code: 'EIO', path: path => path.includes(part) })
      const id = await clock.until(sender.send(begin + 40_000))
      await clock.advance(5_000)
      expect(rule.hits).toBe(1)
      const moved = new Schedule({ spool }).reschedule(id, begin + 60_000)
      expect(await clock.until(moved)).toMatchObject({ done: true })
      process.kill()
      await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('scheduler'))) }))
      await clock.advance(45_000)
      expect({ seed, went: await clock.until(outbox(node.disk)) }).toEqual({ seed, went: [] })
      await clock.advance(20_000)
      expect((await clock.until(outbox(node.disk))).map(message => message.id)).toEqual([id])
    }
  }
)

test('P8: what waits behind a file whose end nobody has seen yet is found by who cancels it', async () => {
  for (const seed of SEEDS) {
    const world = new SimWorld({ seed: `behind ${seed}` })
    const { clock } = world
    world.watch.lost = 1
    const node = world.node('berlin')
    const spool = await clock.until(openSpool(node.process('app')))
    const sender = await clock.until(openSender(spool))
    await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('scheduler'))) }))
    const due = clock.now() + 60_000
    await clock.until(sender.send(due))
    await clock.advance(5_000)
    node.disk.failNext({ call: 'writeSynced', code: 'EIO', path: path => path.includes('/in/') })
    await expect(clock.until(sender.send(due))).rejects.toMatchObject({ code: 'DISK_ERROR' })
    const id = await clock.until(sender.send(due))
    const cancelled = await clock.until(new Schedule({ spool }).cancel(id))
    expect({ seed, ...cancelled }).toMatchObject({ seed, done: true, state: 'cancelled' })
  }
})

test('P8: of a message that lies twice after a crash neither is changed when one may have gone', async () => {
  for (const wish of ['now', 'later', 'cancel'] as const) {
    const world = new SimWorld({ seed: `twice ${wish}` })
    const { clock } = world
    const node = world.node('berlin')
    const spool = await clock.until(openSpool(node.process('app')))
    const sender = await clock.until(openSender(spool))
    const first = node.process('one')
    await clock.until(Scheduler.start({ spool: await clock.until(openSpool(first)) }))
    const due = clock.now() + 3_000
    // As a crash between a bucket and the mark that the intake was taken leaves it: the same message comes again.
    const send = () => clock.until(sender.send(due, { id: 'm', sentAt: 1_700_000_000_000 }))
    await send()
    await clock.advance(due - 600 - clock.now())
    first.kill()
    await send()
    await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('two'))) }))
    const schedule = new Schedule({ spool })
    const asked = { now: () => schedule.sendNow('m'), cancel: () => schedule.cancel('m') }
    const ask = wish === 'later' ? () => schedule.reschedule('m', due + 60_000) : asked[wish]
    expect(clock.now()).toBeLessThan(due)
    expect(await clock.until(ask())).toMatchObject({ done: false, state: 'fired' })
    await clock.advance(90_000)
    const went = await clock.until(outbox(node.disk))
    expect(went.length).toBeGreaterThan(0)
    for (const { at, headers } of went) {
      expect(at, wish).toBeGreaterThanOrEqual(due)
      expect(headers['dropr-due-at'], wish).toBe(new Date(due).toISOString())
    }
  }
})

/** Three messages of one process that lie in schedule/in; nobody has read them. */
async function unread(seed: string) {
  const world = new SimWorld({ seed })
  const { clock } = world
  const node = world.node('berlin')
  const sending = node.process('app')
  const sender = await clock.until(openSender(await clock.until(openSpool(sending))))
  for (const id of ['m0', 'm1', 'm2']) await clock.until(sender.send(clock.now() + 20_000, { id, body: `body ${id}` }))
  const schedule = new Schedule({ spool: await clock.until(openSpool(node.process('operator'))) })
  const [segment] = await clock.until(listSegments(node.disk, '/s/schedule/in'))
  const start = async () => clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('two'))) }))
  return { clock, node, sending, schedule, path: segment!.path, start }
}

test.each([
  ['lives', 'holds the schedule'],
  ['lives', 'is not there'],
  ['died', 'holds the schedule'],
  ['died', 'is not there']
])(
  'P8: what lies behind a damaged place of the intake is found by who cancels or moves it: its sender %s, a scheduler %s',
  async (lives, holds) => {
    const { clock, node, sending, schedule, path, start } = await unread(`held up ${lives} ${holds}`)
    node.disk.flip(path, node.disk.peek(path)!.indexOf('body m0'), 3)
    if (lives === 'died') sending.kill()
    if (holds === 'holds the schedule') await start()
    const begun = clock.ticks()
    expect(await clock.until(schedule.show('m1'))).toMatchObject({ state: 'scheduled' })
    expect(await clock.until(schedule.cancel('m1'))).toMatchObject({ done: true, state: 'cancelled' })
    const dueAt = clock.now() + 10_000
    expect(await clock.until(schedule.reschedule('m2', dueAt))).toMatchObject({ done: true, dueAt })
    expect(await clock.until(schedule.cancel('m0'))).toMatchObject({ done: false, state: 'unknown' })
    expect(clock.ticks() - begun).toBeLessThan(5_000)
    if (holds === 'is not there') await start()
    await clock.advance(25_000)
    expect((await clock.until(outbox(node.disk))).map(({ id }) => id)).toEqual(['m2'])
  }
)

test('P8: where nobody can tell damage from a write that is under way, who asks for what is not seen is told to ask again', async () => {
  const { clock, node, sending, schedule, path, start } = await unread('under way')
  const whole = node.disk.peek(path)!
  const { at, frame } = unvouched(whole)
  node.disk.plant(path, Buffer.concat([whole.subarray(0, at), Buffer.alloc(100, 7), frame]))
  const scheduler = await start()
  const asked = clock.until(schedule.cancel('m2'))
  await expect(asked).rejects.toMatchObject({ code: 'SCHEDULE_UNREAD', retry: true })
  expect(await clock.until(schedule.cancel('m1'))).toMatchObject({ done: true, state: 'cancelled' })
  const closing = schedule.cancel('m2').catch((error: unknown) => error)
  await clock.advance(1_000)
  await clock.until(scheduler.close())
  expect(await clock.until(closing)).toBeInstanceOf(Error)
  sending.kill()
  await start()
  expect(await clock.until(schedule.cancel('m2'))).toMatchObject({ done: true, state: 'cancelled' })
})

test('P8: a message that a dead scheduler had copied and not marked is not cancelled or changed in the copy alone', async () => {
  const { clock, node, schedule, path, start } = await unread('copied and not marked')
  const victim = node.process('victim')
  let copied = false
  node.disk.failNext({
    call: 'writeSynced',
    code: 'EIO',
    partialBytes: 0,
    path: written => {
      const isMark = copied && written.startsWith('/s/schedule/marks')
      copied ||= /schedule\/(?!marks|in\/)/.test(written)
      if (isMark) victim.kill()
      return isMark
    }
  })
  void clock.until(openSpool(victim).then(spool => Scheduler.start({ spool }))).catch(() => undefined)
  await clock.advance(1_000)
  expect(victim.alive).toBe(false)
  node.disk.flip(path, node.disk.peek(path)!.indexOf('body m0'), 3)
  await start()
  expect(await clock.until(schedule.cancel('m1'))).toMatchObject({ done: true, state: 'cancelled' })
  expect(await clock.until(schedule.edit('m2', { kind: 'text', bytes: Buffer.from('another') }))).toMatchObject({
    done: true
  })
  await clock.advance(25_000)
  const sent = await clock.until(outbox(node.disk))
  expect(sent.map(({ id, body }) => `${id} ${String(body)}`)).toEqual(['m0 body m0', 'm2 another'])
})
