import { expect, test } from 'vitest'
import { Schedule } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { openSender, openSpool, outbox } from './desk.ts'

const HOUR = 3_600_000
const SHARDS = 3

/** Messages m0 to m11 in three shards, of which nothing of one can be read; by id which of them lie elsewhere. */
async function bed(seed: string) {
  const { clock, node } = (() => {
    const world = new SimWorld({ seed })
    return { clock: world.clock, node: world.node('berlin') }
  })()
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool, SHARDS))
  const ids = Array.from({ length: 12 }, (_, i) => `m${i}`)
  for (const id of ids) await clock.until(sender.send(clock.now() + HOUR, { id }))
  const isElsewhere = (id: string) => !sender.intake.folder(id).includes('/shard-1/')
  const rule = node.disk.failNext({
    call: 'list',
    code: 'EIO',
    path: path => path.includes('/shard-1'),
    times: Number.POSITIVE_INFINITY
  })
  const schedule = new Schedule({ spool, shards: SHARDS })
  const wish = <T>(promise: Promise<T>) => clock.until(promise.catch((error: unknown) => error))
  return { clock, node, ids, isElsewhere, rule, schedule, wish }
}

test('a wish that one shard fulfilled is told as done, with the shard that could not answer; one that perhaps lies there rejects', async () => {
  const { clock, ids, isElsewhere, rule, schedule, wish } = await bed('wish')
  const seen = new Set<boolean>()
  const unanswered = [{ shard: 1, code: 'DISK_ERROR', error: expect.stringContaining('EIO') }]
  for (const id of ids) {
    seen.add(isElsewhere(id))
    const there = isElsewhere(id)
    const failed = { code: 'DISK_ERROR' }
    const due = clock.now() + 2 * HOUR
    expect(await wish(schedule.reschedule(id, due))).toMatchObject(
      there ? { id, done: true, state: 'scheduled', dueAt: due, unanswered } : failed
    )
    expect(await wish(schedule.show(id))).toMatchObject(
      there ? { state: 'scheduled', messages: [{ id }], unanswered } : failed
    )
    expect(await wish(schedule.cancel(id))).toMatchObject(
      there ? { id, done: true, state: 'cancelled', unanswered } : failed
    )
  }
  expect(seen).toEqual(new Set([false, true]))
  rule.remove()
  for (const id of ids.filter(one => !isElsewhere(one)))
    expect(await wish(schedule.cancel(id))).toEqual({ id, done: true, state: 'cancelled', dueAt: expect.any(Number) })
  expect((await clock.until(schedule.list())).messages).toEqual([])
})

test('nothing is listed or counted as all that is held while a shard cannot say what it holds', async () => {
  const { clock, ids, rule, schedule, wish } = await bed('list')
  expect(await wish(schedule.list())).toMatchObject({ code: 'DISK_ERROR' })
  expect(await wish(schedule.forecast())).toMatchObject({ code: 'DISK_ERROR' })
  rule.remove()
  const { messages } = await clock.until(schedule.list())
  expect(messages.map(({ id }) => id).sort()).toEqual(ids.toSorted())
  expect((await clock.until(schedule.forecast())).reduce((sum, row) => sum + row.messages, 0)).toBe(ids.length)
})

test('a tick waits for all shards, and its error says what went while one of them could not', async () => {
  const { clock, node, ids, isElsewhere, rule, schedule, wish } = await bed('tick')
  node.clockOffsetMs = HOUR
  const error = (await wish(schedule.tick())) as Error
  expect(error).toMatchObject({ code: 'DISK_ERROR' })
  const elsewhere = ids.filter(isElsewhere)
  for (const id of elsewhere) expect(error.message).toContain(JSON.stringify(id))
  expect((await clock.until(outbox(node.disk))).map(({ id }) => id).sort()).toEqual(elsewhere.toSorted())
  rule.remove()
  expect((await clock.until(schedule.tick())).map(({ id }) => id).sort()).toEqual(
    ids.filter(id => !isElsewhere(id)).toSorted()
  )
})
