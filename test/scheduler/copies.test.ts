import { expect, test } from 'vitest'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { SHORT } from './crash-run.ts'
import { openSender, openSpool } from './desk.ts'

const COUNT = 30

/** All that is held, a page of so many at a time. */
async function idsOf(schedule: Schedule, limit: number, channel?: string): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | undefined, more = true; more; ) {
    const page = await schedule.list({ limit, ...(after && { after }), ...(channel && { channel }) })
    ids.push(...page.messages.map(({ id, to }) => `${id} ${to}`))
    after = page.next
    more = after !== undefined
  }
  return ids
}

/**
 * A scheduler dies between a copy and its mark: that of what came from the intake, or that of a coarse bucket which was moved. Then
 * nobody works, or another does.
 */
async function afterDeath(how: { move: boolean; heir: boolean }) {
  const world = new SimWorld({ seed: 'copies' })
  const { clock } = world
  const node = world.node('berlin')
  const sender = await clock.until(openSpool(node.process('app')).then(openSender))
  // In the last middle-sized bucket of a long one, so that they are moved twice before they are due.
  const begin = Math.ceil(clock.now() / 60_000) * 60_000 + 50_000
  const expected: string[] = []
  const victim = node.process('victim')
  const start = () =>
    clock.until(openSpool(victim, { scanMs: 100 }).then(spool => Scheduler.start({ spool, levels: SHORT })))
  let copied = 0
  /** The mark after the first copies is not written any more. */
  const dies = () =>
    node.disk.failNext({
      call: 'writeSynced',
      code: 'EIO',
      path: path => {
        if (/schedule\/(long|middle|short)\//.test(path)) copied++
        const isMark = copied > 0 && path.startsWith('/s/schedule/marks')
        if (isMark) victim.kill()
        return isMark
      }
    })
  if (how.move) await start()
  for (let i = 0; i < COUNT; i++) {
    const [id, channel] = [`m${i}`, i % 3 === 0 ? 'rare' : 'common']
    // Half of them due and sent at one time; one id for two destinations.
    const due = begin + (i < COUNT / 2 ? 0 : i * 200)
    for (const to of i % 5 === 0 ? ['oslo', 'lima'] : ['oslo']) {
      await clock.until(sender.send(due, { id, body: id, channel, to }))
      expected.push(`${id} ${to}`)
    }
  }
  if (how.move) await clock.advance(1_000)
  const hook = dies()
  if (!how.move) await start()
  for (let ms = 0; victim.alive && ms < 60_000; ms += 50) await clock.advance(50)
  hook.remove()
  expect(victim.alive).toBe(false)
  expect(begin - clock.now()).toBeGreaterThan(10_000)
  const spool = await clock.until(openSpool(node.process('heir'), { scanMs: 100 }))
  const heir = how.heir ? await clock.until(Scheduler.start({ spool, levels: SHORT })) : undefined
  return { clock, schedule: new Schedule({ spool, levels: SHORT }), heir, expected }
}

test.each([
  { move: true, heir: false },
  { move: true, heir: true },
  { move: false, heir: false },
  { move: false, heir: true }
])(
  'H7: after a death between copy and mark (moving: $move, then another works: $heir) list and forecast tell each message once',
  async how => {
    const { clock, schedule, heir, expected } = await afterDeath(how)
    for (const limit of [1, 7, 1_000]) {
      const ids = await clock.until(idsOf(schedule, limit))
      expect(ids.toSorted()).toEqual(expected.toSorted())
    }
    const rare = expected.filter(id => Number(/\d+/.exec(id)![0]) % 3 === 0)
    expect((await clock.until(idsOf(schedule, 2, 'rare'))).toSorted()).toEqual(rare.toSorted())
    // Of two copies one is dropped for good, also when nobody asks.
    await clock.advance(1_000)
    if (heir !== undefined) expect(heir.status().shards.map(({ held }) => held)).toEqual([expected.length])
    const count = async () => (await schedule.forecast()).reduce((sum, { messages }) => sum + messages, 0)
    expect(await clock.until(count())).toBe(expected.length)
  }
)
