import { expect, test } from 'vitest'
import { Scheduler } from '../../src/scheduler/index.ts'
import { schedulerSamples } from '../../src/scheduler/scheduler-metrics.ts'
import type { AppendFile, Files } from '../../src/system/files.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { filesWith, openSender, openSpool, outbox } from './desk.ts'

/** Each call of the disk takes that long, all of them alike; filling a file with zeros takes longer. */
const CALL_MS = 2
const FILL_MS = 50

/** Messages due within one second. Returns how late each was, ms, rising, and how many commits of marks there were meanwhile. */
async function spread(seed: string, messages: number, to: (n: number) => string) {
  const world = new SimWorld({ seed, latencyMs: [CALL_MS, CALL_MS] })
  const { clock } = world
  const node = world.node('berlin')
  let marked = 0
  const watched = (file: AppendFile, path: string): AppendFile => ({
    ...bound(file),
    writeSynced: (chunks, position) => {
      if (path.includes('/marks/')) marked++
      return file.writeSynced(chunks, position)
    },
    preallocate: async (from, end) => {
      await clock.sleep(FILL_MS)
      await file.preallocate(from, end)
    }
  })
  const system = node.process('one')
  const create: Files['create'] = async path => watched(await system.files.create(path), path)
  const files = filesWith(system.files, { create })
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  await clock.until(Scheduler.start({ spool: await clock.until(openSpool(over(system, files))) }))
  const begin = clock.now() + 3_000
  const body = 'x'.repeat(256)
  const sends = Array.from({ length: messages }, (_, n) =>
    sender.send(begin + Math.floor((n / messages) * 1_000), { id: `m${n}`, to: to(n), body })
  )
  await clock.until(Promise.all(sends))
  await clock.advance(begin - clock.now())
  marked = 0
  await clock.advance(1_500)
  const found = await clock.until(outbox(node.disk))
  expect(found).toHaveLength(messages)
  return {
    late: found.map(({ at, headers }) => at - Date.parse(headers['dropr-due-at']!)).sort((a, b) => a - b),
    marked
  }
}

test('of thousands due within a second none waits for more than the write before it, also not the first', async () => {
  const { late, marked } = await spread('second', 5_000, () => 'tokyo')
  expect(late[0]).toBeGreaterThanOrEqual(0)
  expect(late.at(-1)).toBeLessThanOrEqual(2 * CALL_MS)
  // Their marks go together: a sync of marks holds up the commits beside it.
  expect(marked).toBeLessThan(60)
})

test('the first message to each of many places is not late for its folders', async () => {
  const { late } = await spread('places', 400, n => `peer-${n % 40}`)
  expect(late.at(-1)).toBeLessThanOrEqual(2 * CALL_MS)
})

test('a message is told as overdue until it is handed over: while the disk takes its time, and while it is tried again', async () => {
  const world = new SimWorld({ seed: 'overdue' })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  const system = node.process('one')
  let trouble: 'slow' | 'failing' | undefined
  const writeSynced = async (file: AppendFile, chunks: Uint8Array[], position: number) => {
    if (trouble === 'slow') await clock.sleep(4_000)
    if (trouble === 'failing') throw Object.assign(new Error('no'), { code: 'EIO' })
    return file.writeSynced(chunks, position)
  }
  const create: Files['create'] = async path => {
    const file = await system.files.create(path)
    if (!path.includes('/outbox/')) return file
    const calls = { writeSynced: (chunks: Uint8Array[], position: number) => writeSynced(file, chunks, position) }
    return { ...bound(file), ...calls }
  }
  const own = await clock.until(openSpool(over(system, filesWith(system.files, { create }))))
  const scheduler = await clock.until(Scheduler.start({ spool: own }))
  const overdue = () => {
    const samples = schedulerSamples(scheduler.status(), clock.now())
    const value = (name: string) => samples.find(one => one.name === `dropr_schedule_${name}`)!.value
    return { seconds: value('overdue_seconds'), due: value('due'), fired: value('fired_total') }
  }
  for (const kind of ['slow', 'failing'] as const) {
    const due = clock.now() + 3_000
    const before = overdue().fired
    await clock.until(sender.send(due))
    await clock.advance(due - 100 - clock.now())
    expect(overdue()).toEqual({ seconds: 0, due: 0, fired: before })
    trouble = kind
    for (let ms = 500; ms <= 3_500; ms += 500) {
      await clock.advance(due + ms - clock.now())
      expect(overdue(), `${kind}, ${ms} ms after`).toEqual({ seconds: ms / 1_000, due: 1, fired: before })
    }
    trouble = undefined
    await clock.advance(20_000)
    expect(overdue()).toEqual({ seconds: 0, due: 0, fired: before + 1 })
  }
})

function over(system: System, files: Files): System {
  const { clock, random, watch, sockets, log } = system
  return { clock, random, watch, sockets, log, files }
}

function bound(file: AppendFile): AppendFile {
  return {
    write: (chunks, position) => file.write(chunks, position),
    writeSynced: (chunks, position) => file.writeSynced(chunks, position),
    sync: () => file.sync(),
    preallocate: (from, end) => file.preallocate(from, end),
    close: () => file.close()
  }
}
