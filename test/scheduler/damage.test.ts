import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { foldersIn } from '../../src/spool/spool.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { openSender, openSpool, outbox } from './desk.ts'

const HOUR = 3_600_000
const COUNT = 40
/** Beyond the end of this hour, so that they lie in an hour bucket. */
const AHEAD = HOUR + 5 * 60_000

/** A closed schedule of 40 messages over ten minutes of the same hour, an hour ahead: one sealed segment with tables. */
async function sealed(seed: string) {
  const world = new SimWorld({ seed })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  const scheduler = await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('one'))) }))
  const begin = clock.now() + AHEAD
  for (let i = 0; i < COUNT; i++) await clock.until(sender.send(begin + i * 15_000, { id: `m${i}`, body: `body ${i}` }))
  await clock.advance(3_000)
  await clock.until(scheduler.close())
  const folder = `/s/schedule/hour/${(await clock.until(foldersIn(node.disk, '/s/schedule/hour')))[0]}`
  const [segment, ...more] = await clock.until(listSegments(node.disk, folder))
  expect(more).toEqual([])
  const limits = { scanMs: 15_000 }
  const restart = async () =>
    clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('two'), limits)) }))
  return { world, clock, node, spool, path: segment!.path, restart, begin }
}

test('any damaged byte of a bucket segment costs at most one message, and none of the others is early or late', async () => {
  const { node: first, path } = await sealed('damage 0')
  const bytes = first.disk.peek(path)!.length
  let lost = 0
  for (let at = 100; at < bytes; at += Math.ceil(bytes / 25)) {
    const { clock, node, restart } = await sealed('damage 0')
    node.disk.flip(path, at, at % 8)
    await restart()
    // An hour passes in a moment: it costs less.
    node.clockOffsetMs = AHEAD - 4 * 60_000
    await clock.advance(15 * 60_000)
    const found = await clock.until(outbox(node.disk))
    expect(found.length, `byte ${at} of ${bytes}`).toBeGreaterThanOrEqual(COUNT - 1)
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length)
    for (const { sentAt, headers } of found) {
      const late = sentAt - Date.parse(headers['dropr-due-at']!)
      expect(late).toBeGreaterThanOrEqual(0)
      expect(late, `byte ${at}`).toBeLessThan(100)
    }
    lost += COUNT - found.length
  }
  expect(lost).toBeGreaterThan(0)
})

test('a message is found by its id, listed and cancelled also when the tables are damaged', async () => {
  const { node: first, path } = await sealed('tables')
  const bytes = first.disk.peek(path)!.length
  for (let back = 60; back < COUNT * 48; back += 97) {
    const { clock, node, spool } = await sealed('tables')
    node.disk.flip(path, bytes - back, 3)
    const schedule = new Schedule({ spool })
    expect((await clock.until(schedule.cancel('m7'))).state, `${back} bytes from the end`).toBe('cancelled')
    const page = await clock.until(schedule.list({ limit: 100 }))
    expect(page.messages.map(({ id }) => id)).toEqual(
      Array.from({ length: COUNT }, (_, i) => `m${i}`).filter(id => id !== 'm7')
    )
  }
})

/** What a scheduler was told of three messages, and died: m0 is cancelled, m1 and m2 have other bodies. */
async function steered() {
  const world = new SimWorld({ seed: 'marks' })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  const scheduler = await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('one'))) }))
  for (let i = 0; i < 4; i++) await clock.until(sender.send(clock.now() + AHEAD, { id: `m${i}`, body: `body ${i}` }))
  await clock.advance(3_000)
  const schedule = new Schedule({ spool })
  expect((await clock.until(schedule.cancel('m0'))).done).toBe(true)
  for (const id of ['m1', 'm2'])
    expect((await clock.until(schedule.edit(id, { kind: 'text', bytes: Buffer.from(`new body of ${id}`) }))).done).toBe(
      true
    )
  await clock.until(scheduler.close())
  const segments = await clock.until(listSegments(node.disk, '/s/schedule/marks'))
  return { clock, node, path: segments.at(-1)!.path }
}

test('any flipped bit in what was said of held messages: what is cancelled stays so, and no body comes that was replaced', async () => {
  const { node: first, path } = await steered()
  const bytes = first.disk.peek(path)!.length
  let set = 0
  for (let at = 64; at < bytes; at += 9) {
    const { clock, node } = await steered()
    node.disk.flip(path, at, at % 8)
    await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('two'))) }))
    node.clockOffsetMs = AHEAD
    await clock.advance(20_000)
    const found = (await clock.until(outbox(node.disk))).map(({ id, body }) => `${id} ${body.toString()}`)
    expect(found.sort(), `byte ${at} of ${bytes}`).toEqual(['m1 new body of m1', 'm2 new body of m2', 'm3 body 3'])
    set += (await clock.until(node.disk.list('/s/corrupt'))).filter(({ name }) => name.endsWith('.json')).length
  }
  expect(set).toBeGreaterThan(0)
})

test('a segment that is gone, or holds anything, leaves the rest alone', async () => {
  for (const content of [undefined, '', 'garbage', 'DROPRSEG'.repeat(100)]) {
    const { clock, node, spool, path, restart } = await sealed('gone')
    const sender = await clock.until(openSender(spool))
    await clock.until(sender.send(clock.now() + 2_000, { id: 'other' }))
    if (content === undefined) await clock.until(node.disk.remove(path))
    else node.disk.plant(path, content)
    await restart()
    await clock.advance(5_000)
    expect((await clock.until(outbox(node.disk))).map(({ id }) => id)).toEqual(['other'])
  }
})

test('H20: pages of the list follow each other without a gap or a repeat, by time, channel and range', async () => {
  const world = new SimWorld({ seed: 'pages' })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('app')))
  const sender = await clock.until(openSender(spool))
  await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('one'))) }))
  const begin = clock.now() + HOUR
  const expected: { id: string; due: number; channel: string }[] = []
  for (let i = 0; i < 120; i++) {
    const one = { id: `m${i}`, due: begin + ((i * 37) % 50) * 1_800_000, channel: i % 3 === 0 ? 'größe' : 'common' }
    expected.push(one)
    await clock.until(sender.send(one.due, { id: one.id, channel: one.channel }))
  }
  const schedule = new Schedule({ spool })
  const walk = async (query: object) => {
    const ids: string[] = []
    const dues: number[] = []
    for (let after: string | undefined, calls = 0; calls < 100; calls++) {
      const page = await clock.until(schedule.list({ ...query, limit: 7, ...(after === undefined ? {} : { after }) }))
      for (const { id, dueAt } of page.messages) {
        ids.push(id)
        dues.push(dueAt)
      }
      after = page.next
      if (after === undefined) break
    }
    expect(dues).toEqual([...dues].sort((a, b) => a - b))
    return ids.sort()
  }
  const ids = (keep: (one: (typeof expected)[0]) => boolean) =>
    expected
      .filter(keep)
      .map(({ id }) => id)
      .sort()
  expect(await walk({})).toEqual(ids(() => true))
  expect(await walk({ channel: 'größe' })).toEqual(ids(({ channel }) => channel === 'größe'))
  const from = begin + 5 * HOUR
  const to = begin + 10 * HOUR
  expect(await walk({ from, to })).toEqual(ids(({ due }) => due >= from && due < to))
  expect((await clock.until(schedule.forecast())).reduce((sum, { messages }) => sum + messages, 0)).toBe(120)
  await expect(schedule.list({ limit: 0 })).rejects.toThrow(/^limit must be/)
})

test('P8: a disk that is full while buckets are promoted loses nothing, and service resumes by itself', async () => {
  const { clock, node, restart } = await sealed('full')
  await restart()
  node.disk.failNext({ call: 'writeSynced', code: 'ENOSPC', path: path => path.includes('/minute/'), times: 30 })
  await clock.advance(AHEAD - 30_000)
  node.disk.failNext({ call: 'writeSynced', code: 'ENOSPC', path: path => path.includes('/outbox/'), times: 5 })
  await clock.advance(12 * 60_000)
  const found = await clock.until(outbox(node.disk))
  expect(new Set(found.map(({ id }) => id)).size).toBe(COUNT)
})

test('what a tick hands over is told, one by one, with and without a scheduler, and what fails with its reason', async () => {
  for (const running of [false, true]) {
    const { clock, node, spool, begin, restart } = await sealed(`tick ${running}`)
    const scheduler = running ? await restart() : undefined
    const schedule = new Schedule({ spool })
    expect(await clock.until(schedule.tick())).toEqual([])
    if (running) await clock.until(scheduler!.close())
    await clock.advance(begin + 10_000 - clock.now())
    node.disk.failNext({ call: 'writeSynced', code: 'EIO', path: path => path.includes('/outbox/') })
    const [failed] = await clock.until(schedule.tick())
    expect(failed).toMatchObject({ id: 'm0', to: 'tokyo', channel: 'common', dueAt: begin, code: 'DISK_ERROR' })
    const [fired, ...more] = await clock.until(schedule.tick())
    expect(fired).toMatchObject({ id: 'm0' })
    expect(fired!.code).toBeUndefined()
    expect(more).toEqual([])
  }
})

test('DISK-11 P10: a message that is damaged where its scheduler still writes is set aside with a note, and the others go when they are due', async () => {
  const world = new SimWorld({ seed: 'open' })
  const { clock } = world
  const node = world.node('berlin')
  const sender = await clock.until(openSender(await clock.until(openSpool(node.process('app')))))
  await clock.until(Scheduler.start({ spool: await clock.until(openSpool(node.process('one'))) }))
  const due = clock.now() + 30_000
  for (let i = 0; i < 5; i++) await clock.until(sender.send(due + i, { id: `m${i}`, body: `body ${i}` }))
  await clock.advance(3_000)
  const folder = `/s/schedule/minute/${(await clock.until(foldersIn(node.disk, '/s/schedule/minute')))[0]}`
  const [segment] = await clock.until(listSegments(node.disk, folder))
  node.disk.flip(segment!.path, node.disk.peek(segment!.path)!.indexOf('body 2'), 3)
  // It may be in memory, and go: nobody can say that nothing is held.
  const schedule = new Schedule({ spool: await clock.until(openSpool(node.process('operator'))) })
  for (const wish of [
    () => schedule.edit('m2', { kind: 'text', bytes: Buffer.from('x') }),
    () => schedule.cancel('m2')
  ])
    await expect(clock.until(wish())).rejects.toMatchObject({ code: 'ENTRY_CORRUPT' })
  expect(await clock.until(schedule.cancel('m9'))).toMatchObject({ done: false, state: 'unknown' })
  await clock.advance(60_000)
  expect(await clock.until(schedule.cancel('m2'))).toMatchObject({ done: false, state: 'unknown' })
  expect((await clock.until(outbox(node.disk))).map(({ id }) => id)).toEqual(['m0', 'm1', 'm3', 'm4'])
  const notes = [...node.disk.disk.folder('/s/corrupt').names.keys()].filter(name => name.endsWith('.json'))
  expect(notes.length).toBe(1)
  const note = JSON.parse(node.disk.peek(`/s/corrupt/${notes[0]}`)!.toString()) as object
  expect(note).toMatchObject({ segment: segment!.path.slice(3), lostPositions: [[2, 3]] })
  expect(node.disk.peek(`/s/corrupt/${notes[0]!.replace('.json', '.bin')}`)!.includes('m2')).toBe(true)
})
