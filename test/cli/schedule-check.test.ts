import { expect, test } from 'vitest'
import { checkClock, checkSchedule } from '../../src/cli/schedule-check.ts'
import { Scheduler } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { openSender, openSpool, PATH } from '../scheduler/desk.ts'

const BOUNDS = { warning: { age: 60_000 }, critical: { age: 600_000 } }

test('CLOCK-6: a clock that shows 1970 or 2099 is warned of, one of these years is not', () => {
  for (const now of [0, 5_000, Date.UTC(2025, 11, 31), Date.UTC(2099, 0, 1)])
    expect(checkClock(now)).toMatchObject([{ level: 'warning', room: 'clock' }])
  for (const now of [Date.UTC(2026, 0, 2), Date.UTC(2060, 0, 1)]) expect(checkClock(now)).toEqual([])
})

test('what is overdue is told, with a scheduler that fails and with none, and what is not overdue is no problem', async () => {
  const world = new SimWorld({ seed: 'check' })
  const { clock } = world
  const node = world.node('berlin')
  const check = async () => clock.until(checkSchedule(node.process('check'), PATH, BOUNDS))
  const sender = await clock.until(openSpool(node.process('app')).then(openSender))
  const scheduler = await clock.until(openSpool(node.process('one')).then(spool => Scheduler.start({ spool })))
  await clock.until(sender.send(clock.now() + 120_000))
  await clock.until(sender.send(clock.now() + 86_400_000))
  await clock.advance(110_000)
  expect(await check()).toEqual([])
  node.disk.failNext({ call: 'any', code: 'EIO', path: path => path.includes('/outbox/'), times: 100_000 })
  await clock.advance(50_000)
  expect(await check()).toMatchObject([{ level: 'warning', text: expect.stringMatching(/fails since.*DISK_ERROR/) }])
  await clock.advance(60_000)
  expect(await check()).toMatchObject([{ level: 'warning', text: expect.stringContaining('did not go') }, {}])
  await clock.until(scheduler.close())
  const [remark, ...more] = await check()
  expect(remark).toMatchObject({ level: 'warning', text: expect.stringContaining('no scheduler runs') })
  expect(more).toEqual([])
  await clock.advance(600_000)
  expect(await check()).toMatchObject([{ level: 'critical' }])
})
