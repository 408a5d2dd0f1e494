import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'
import { bury, buryRefused, idsWaiting } from './dead-bed.ts'

const LIMITS = { retryMsMin: 20, scanMs: 1_000, segmentBytesMax: 65_536 }

async function node(seed: number, limits: object = LIMITS) {
  const nodes = new SimNodes({ seed, names: ['berlin', 'tokyo'], limits })
  return { nodes, queue: await nodes.queue('berlin') }
}

test('a dead letter that is redriven comes again under its id, as a first attempt, marked as handed out before', async () => {
  const { nodes, queue } = await node(1)
  const ids = await bury(nodes, queue, ['a', 'b', 'c'])
  const page = await nodes.until(queue.dead.list())
  expect(page.letters.map(({ id, state, reason, code }) => [id, state, reason, code])).toEqual(
    ids.map(id => [id, 'dead', 'no use', 'rejected'])
  )
  expect(await nodes.until(queue.dead.redrive({ ids: [ids[1]!] }))).toEqual({
    moved: 1,
    bytes: expect.any(Number),
    left: {}
  })
  const [again, ...rest] = await nodes.take(queue)
  expect(rest).toEqual([])
  expect(again).toMatchObject({ id: ids[1], body: 'b', from: 'berlin', attempt: 1, deliveries: 2, redelivered: true })
  expect((await nodes.until(queue.dead.list())).letters.map(({ id }) => id)).toEqual([ids[0], ids[2]])
  // Its history is kept.
  expect(await nodes.until(queue.dead.show(ids[1]!))).toMatchObject([
    { state: 'moved', reason: 'no use', kind: 'text' }
  ])
})

test('what its consumer rejected as damaged goods is redriven as any other; what cannot be read any more is not', async () => {
  const at = await node(6)
  const { nodes, queue } = at
  await nodes.until(queue.sendMessage('parcel'))
  await nodes.until((await nodes.until(queue.poll({ wait: '3s' })))!.reject('damaged: the parcel was open'))
  await nodes.clock.advance(1)
  expect(await nodes.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 1, left: {} })
  await nodes.until((await nodes.until(queue.poll({ wait: '3s' })))!.ack())
  for (const body of ['unreadable', 'vouches']) await nodes.until(queue.sendMessage(body, { to: 'berlin' }))
  await nodes.clock.advance(5_000)
  await flip(at, 'inbox', 'unreadable')
  expect((await nodes.take(queue)).map(({ body }) => body)).toEqual(['vouches'])
  await nodes.clock.advance(1_000)
  expect(await nodes.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 0, left: { damaged: 1 } })
})

test('an id that a caller gave does not keep its dead letter from coming back, though the inbox remembers it', async () => {
  const { nodes, queue } = await node(2)
  await nodes.until(queue.sendMessage('x', { id: 'order-1' }))
  for (let death = 1; death <= 3; death++) {
    const message = (await nodes.until(queue.poll({ wait: '3s' })))!
    expect(message).toMatchObject({ id: 'order-1', attempt: 1 })
    await nodes.until(message.reject(`death ${death}`))
    // Ages are counted in ms: what dies while a move runs is not its business.
    await nodes.clock.advance(1)
    if (death < 3) expect(await nodes.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 1 })
  }
  const deaths = await nodes.until(queue.dead.show('order-1'))
  expect(deaths.map(({ state, reason }) => `${state}: ${reason}`)).toEqual([
    'moved: death 1',
    'moved: death 2',
    'dead: death 3'
  ])
})

test('what a filter leaves out stays dead; without a filter or `all` nothing is changed', async () => {
  const { nodes, queue } = await node(3)
  await bury(nodes, queue, ['early one', 'early two'], { channel: 'a', headers: { kind: 'x' } })
  await nodes.clock.advance(60_000)
  await bury(nodes, queue, ['late one', 'late two'], { channel: 'b' })
  await nodes.clock.advance(1_000)
  const left = async () => (await nodes.until(queue.dead.list())).letters.length
  for (const none of [{}, { limit: 5 }])
    await expect(queue.dead.redrive(none)).rejects.toThrow('needs ids, a filter, or all: true')
  for (const [filter, count] of [
    [{ channel: 'c' }, 0],
    [{ peer: 'tokyo' }, 0],
    [{ olderThan: '10s' }, 2],
    [{ newerThan: '10s' }, 2],
    [{ match: 'two' }, 2],
    [{ match: 'two*' }, 0],
    [{ match: '* t?o' }, 2],
    [{ headers: { kind: 'x' }, match: 'one' }, 1],
    [{ peer: 'berlin', limit: 3 }, 3],
    [{ channel: ['a', 'b'] }, 4]
  ] as const)
    expect(await nodes.until(queue.dead.redrive({ ...filter, dryRun: true })), JSON.stringify(filter)).toMatchObject({
      moved: count,
      ids: { length: count }
    })
  expect(await left()).toBe(4)
  expect(await nodes.until(queue.dead.remove({ olderThan: '10s' }))).toMatchObject({ moved: 2 })
  expect(await left()).toBe(2)
  expect((await nodes.until(queue.dead.list({ state: 'dropped' }))).letters).toHaveLength(2)
  expect(await nodes.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 2 })
  expect((await nodes.take(queue, 'b')).map(({ body }) => body)).toEqual(['late one', 'late two'])
  expect(await nodes.take(queue, 'a')).toEqual([])
})

test('redriven letters come at the rate that was asked for, and page by page where there is a limit', async () => {
  const { nodes, queue } = await node(4)
  await bury(
    nodes,
    queue,
    Array.from({ length: 40 }, (_, i) => `m${i}`)
  )
  const began = nodes.clock.ticks()
  expect(await nodes.until(queue.dead.redrive({ all: true, limit: 20, rate: 10 }))).toMatchObject({
    moved: 20,
    next: expect.any(String)
  })
  expect(nodes.clock.ticks() - began).toBeGreaterThanOrEqual(1_900)
  let after: string | undefined
  for (let page = 0; page < 2; page++) {
    const moved = await nodes.until(queue.dead.redrive({ all: true, limit: 10, ...(after && { after }) }))
    expect(moved.moved).toBe(10)
    after = moved.next
  }
  expect((await nodes.take(queue)).map(({ body }) => body)).toEqual(Array.from({ length: 40 }, (_, i) => `m${i}`))
})

test('a message that a peer refused goes back to the outbox and arrives once the peer takes it', async () => {
  const { nodes, queue } = await node(5)
  await nodes.server('tokyo')
  await nodes.client('berlin')
  const ids = await buryRefused(nodes, ['too large', 'too'])
  expect((await nodes.until(queue.dead.list({ peer: 'tokyo' }))).letters).toMatchObject([
    { id: ids[0], to: 'tokyo', from: 'berlin' },
    { id: ids[1] }
  ])
  await nodes.clock.advance(10)
  expect(await nodes.until(queue.dead.redrive({ peer: 'tokyo' }))).toMatchObject({ moved: 2 })
  await nodes.clock.advance(5_000)
  const got = await nodes.take(await nodes.queue('tokyo'))
  expect(got.map(({ id, body, from, attempt }) => [id, body, from, attempt])).toEqual([
    [ids[0], 'too large', 'berlin', 1],
    [ids[1], 'too', 'berlin', 1]
  ])
})

/** Dies `ms` after the move began, and asks for the rest of it in its next life. */
async function dieInRedrive(seed: number, ms: number, cut: boolean, refused: boolean): Promise<boolean> {
  const { nodes, queue } = await node(seed)
  const ids = refused ? await buryRefused(nodes, ['a', 'b', 'c', 'd']) : await bury(nodes, queue, ['a', 'b', 'c', 'd'])
  await nodes.clock.advance(10)
  let over = false
  queue.dead.redrive({ all: true }).then(
    () => {
      over = true
    },
    () => undefined
  )
  await nodes.clock.advance(ms)
  const machine = nodes.machine('berlin')
  if (cut) machine.powerCut({ data: 'lose', names: 'lose' })
  else machine.process('app').kill()
  const said = `seed ${seed}, dead after ${ms} ms, ${cut ? 'power cut' : 'killed'}`
  const next = await nodes.queue('berlin', 'app2')
  if (refused) {
    await nodes.until(next.dead.redrive({ all: true }))
    await nodes.server('tokyo')
    await nodes.client('berlin')
    await nodes.clock.advance(5_000)
    const got = await nodes.take(await nodes.queue('tokyo'))
    expect(got.map(({ id }) => id).sort(), said).toEqual([...ids].sort())
    return over
  }
  // Whoever asks for anything makes the owner finish what was half done; within a minute it does so by itself.
  if (seed % 2 === 0) await nodes.until(next.dead.redrive({ all: true, dryRun: true }))
  else await idsWaiting(nodes, next).then(() => nodes.clock.advance(62_000))
  const dead = (await nodes.until(next.dead.list())).letters.map(({ id }) => id)
  const waiting = await idsWaiting(nodes, next)
  expect([...dead, ...waiting].sort(), said).toEqual([...ids].sort())
  await nodes.until(next.dead.redrive({ all: true }))
  expect((await nodes.take(next)).map(({ id }) => id).sort(), said).toEqual([...ids].sort())
  return over
}

test.each([
  ['the inbox', false],
  ['the outbox', true]
])(
  'a crash between any two steps of a redrive to %s leaves each letter in one place',
  async (_, refused) => {
    let seed = 100
    for (const cut of [false, true]) {
      let over = false
      for (let ms = 0; !over && ms < 60; ms += refused ? 0.5 : 0.25) over = await dieInRedrive(seed++, ms, cut, refused)
      expect(over).toBe(true)
    }
  },
  60_000
)

test('what was being buried when its owner died is not redriven beside the message that still waits', async () => {
  let alive = 0
  for (let seed = 300; seed < 330; seed++) {
    const { nodes, queue } = await node(seed)
    const { id } = await nodes.until(queue.sendMessage('x'))
    const message = (await nodes.until(queue.poll({ wait: '3s' })))!
    message.reject('no use').catch(() => undefined)
    await nodes.clock.advance((seed - 300) * 0.05)
    nodes.machine('berlin').powerCut({ data: 'lose', names: 'lose' })
    await nodes.clock.advance(5_000)
    const next = await nodes.queue('berlin', 'app2')
    const { left } = await nodes.until(next.dead.redrive({ all: true }))
    alive += left.alive ?? 0
    expect(
      (await nodes.take(next)).map(found => found.id),
      `seed ${seed}`
    ).toEqual([id])
  }
  expect(alive).toBeGreaterThan(0)
})

/** Turns a bit in what has this text in a room. */
async function flip({ nodes }: Awaited<ReturnType<typeof node>>, room: string, text: string): Promise<void> {
  const { disk } = nodes.machine('berlin')
  for (const { path } of await nodes.until(listSegments(disk, `${SPOOL}/${room}/common`))) {
    const at = disk.peek(path)!.indexOf(text)
    if (at !== -1) disk.flip(path, at, 1)
  }
}

test('a damaged letter is set aside by the owner within a minute, and by a move that comes there at once', async () => {
  for (const moved of [false, true]) {
    const at = await node(400)
    const { nodes, queue } = at
    await bury(nodes, queue, ['first', 'second', 'third'])
    await flip(at, 'dead', 'first')
    if (moved) expect(await nodes.until(queue.dead.redrive({ all: true, dryRun: true }))).toMatchObject({ moved: 2 })
    else await nodes.clock.advance(62_000)
    const names = (await nodes.until(nodes.machine('berlin').disk.list(`${SPOOL}/corrupt`))).map(({ name }) => name)
    expect(names.filter(name => name.endsWith('.json'))).toHaveLength(1)
  }
})

test('a folder without letters goes within a minute, one with letters stays', async () => {
  const { nodes, queue } = await node(401)
  await bury(nodes, queue, ['letter'])
  const { disk } = nodes.machine('berlin')
  await nodes.until(disk.makeFolder(`${SPOOL}/dead/over`))
  await nodes.clock.advance(62_000)
  expect((await nodes.until(disk.list(`${SPOOL}/dead`))).map(({ name }) => name)).toEqual(['common'])
})
