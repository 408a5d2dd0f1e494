import { expect, test } from 'vitest'
import { SimNodes } from '../rows/sim-nodes.ts'
import { idsWaiting } from './dead-bed.ts'

const LIMITS = { retryMsMin: 20, scanMs: 1_000, segmentBytesMax: 65_536 }

async function node(seed: number) {
  const nodes = new SimNodes({ seed, names: ['berlin'], limits: LIMITS })
  return { nodes, queue: await nodes.queue('berlin') }
}

/** Sends, and waits until all are in the inbox. */
async function fill(at: Awaited<ReturnType<typeof node>>, bodies: unknown[], channel = 'c') {
  const { nodes, queue } = at
  const receipts = await nodes.until(queue.sendMessages(bodies as string[], { channel }))
  for (;;) {
    await nodes.clock.advance(100)
    if ((await idsWaiting(nodes, queue, channel)).length >= bodies.length) break
  }
  await nodes.clock.advance(1)
  return receipts.map(({ id }) => id)
}

const numbered = (count: number, prefix = 'm') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

test('F14: purge destroys what waits and fits, tells first what it would do, and nothing else', async () => {
  const at = await node(1)
  const { nodes, queue } = at
  await fill(at, numbered(2_500))
  await fill(at, ['keep'], 'other')
  const channel = 'c'
  await expect(queue.purge({})).rejects.toThrow('purge needs ids, a filter, or all: true')
  expect(await nodes.until(queue.purge({ channel, match: 'm7*', dryRun: true }))).toMatchObject({ moved: 111 })
  expect(await nodes.until(queue.purge({ channel, match: 'm7*' }))).toMatchObject({ moved: 111 })
  expect(await nodes.until(queue.purge({ channel, limit: 100 }))).toMatchObject({
    moved: 100,
    next: expect.any(String)
  })
  const next = (await nodes.until(queue.poll({ channel })))!
  expect(next.body).toBe('m111')
  // What somebody holds is left, and told.
  const rest = await nodes.until(queue.purge({ channel }))
  expect(rest).toMatchObject({ moved: 2_500 - 111 - 100 - 1, left: { leased: 1 } })
  await nodes.until(next.ack())
  expect(await nodes.until(queue.poll({ channel }))).toBeUndefined()
  expect((await nodes.take(queue, 'other')).map(({ body }) => body)).toEqual(['keep'])
  expect((await nodes.until(queue.dead.list())).letters).toEqual([])
})

test('purge with `leased` destroys what somebody holds, and refuses the verdict on it', async () => {
  const at = await node(2)
  const { nodes, queue } = at
  await fill(at, ['held', 'waits'])
  const held = (await nodes.until(queue.poll({ channel: 'c' })))!
  expect(await nodes.until(queue.purge({ channel: 'c', leased: true }))).toMatchObject({ moved: 2, left: {} })
  await expect(nodes.until(held.ack())).rejects.toMatchObject({ code: 'LEASE_LOST' })
  await nodes.clock.advance(120_000)
  expect(await nodes.until(queue.poll({ channel: 'c' }))).toBeUndefined()
})

test('what was purged stays so after a power cut at any moment, and what was not waits', async () => {
  for (let seed = 10; seed < 40; seed++) {
    const at = await node(seed)
    const { nodes, queue } = at
    const ids = await fill(at, numbered(20))
    let over = false
    const purging = queue.purge({ channel: 'c', limit: 12 })
    purging.then(
      () => {
        over = true
      },
      () => undefined
    )
    await nodes.clock.advance((seed - 10) * 0.03)
    nodes.machine('berlin').powerCut({ data: 'lose', names: 'lose' })
    const waiting = await idsWaiting(nodes, await nodes.queue('berlin', 'app2'), 'c')
    // One commit a step: all of it or nothing.
    expect([ids, ids.slice(12)], `seed ${seed}`).toContainEqual(waiting)
    if (over) expect(waiting, `seed ${seed}`).toHaveLength(8)
  }
})

test('replay lets what was acknowledged come again, marked, as often as it is asked for', async () => {
  const at = await node(3)
  const { nodes, queue } = at
  const bodies = numbered(1_200)
  await fill(at, bodies)
  const channel = 'c'
  const [first, ...others] = await nodes.until(queue.poll({ channel, max: 1_100 }))
  await nodes.until(Promise.all([first!, ...others].map(message => message.ack())))
  await nodes.clock.advance(1)
  // What waits is not replayed, and no step counts anything twice.
  expect(await nodes.until(queue.replay({ channel, dryRun: true }))).toMatchObject({ moved: 1_100 })
  expect(await nodes.until(queue.replay({ channel, match: 'm1*', limit: 5 }))).toMatchObject({ moved: 5 })
  expect(await nodes.until(queue.replay({ ids: [first!.id] }))).toMatchObject({ moved: 1 })
  const came = await nodes.take(queue, channel)
  expect(came.slice(0, 100).map(({ body }) => body)).toEqual(bodies.slice(1_100))
  const again = came.slice(100)
  expect(again.map(({ body }) => body)).toEqual(['m1', 'm10', 'm11', 'm12', 'm13', 'm0'])
  expect(again[0]).toMatchObject({ id: others[0]!.id, from: 'berlin', attempt: 1, deliveries: 2, redelivered: true })
  expect(Number(again[0]!.headers['dropr-replayed-at'])).toBeGreaterThan(0)
  await nodes.clock.advance(1)
  expect(await nodes.until(queue.replay({ channel, newerThan: '1h' }))).toMatchObject({ moved: 1_206 })
  expect(await nodes.take(queue, channel)).toHaveLength(1_206)
})

test('what was acknowledged in a commit that failed is not replayed', async () => {
  const at = await node(4)
  const { nodes, queue } = at
  await fill(at, numbered(10))
  const messages = await nodes.until(queue.poll({ channel: 'c', max: 10 }))
  const { disk } = nodes.machine('berlin')
  disk.capacityBytes = 0
  await expect(nodes.until(messages[0]!.ack())).rejects.toMatchObject({ code: 'DISK_FULL' })
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await nodes.until(messages[1]!.ack())
  await nodes.clock.advance(1)
  expect(await nodes.until(queue.replay({ channel: 'c', dryRun: true, match: 'm' }))).toMatchObject({
    moved: 1,
    ids: [messages[1]!.id]
  })
})

test('clean removes at once what is past its retention, says first what that is, and nothing that waits', async () => {
  const limits = { ...LIMITS, retentionMs: 1_000 }
  const nodes = new SimNodes({ seed: 5, names: ['berlin'], limits })
  const queue = await nodes.queue('berlin')
  const at = { nodes, queue }
  await fill(at, numbered(300, 'x'.repeat(1_000)))
  const messages = await nodes.until(queue.poll({ channel: 'c', max: 250 }))
  await nodes.until(Promise.all(messages.map(message => message.ack())))
  expect(await nodes.until(queue.clean())).toEqual({ segments: 0, blobs: 0, bytes: 0 })
  await nodes.clock.advance(2_000)
  const would = await nodes.until(queue.clean({ dryRun: true }))
  expect(would.segments).toBeGreaterThan(0)
  const folder = () => nodes.until(nodes.machine('berlin').process('looker').files.list('/spool/inbox/c'))
  const before = (await folder()).length
  expect(await nodes.until(queue.clean({ channel: 'c' }))).toEqual(would)
  expect((await folder()).length).toBeLessThan(before)
  expect(await nodes.until(queue.clean())).toEqual({ segments: 0, blobs: 0, bytes: 0 })
  expect(await nodes.take(queue, 'c')).toHaveLength(50)
})

test('what waits behind another message of its key is purged too, and what is sent later with that key comes', async () => {
  const { nodes, queue } = await node(6)
  for (const body of ['one', 'two', 'three']) await nodes.until(queue.sendMessage(body, { channel: 'c', key: 'k' }))
  const one = (await nodes.until(queue.poll({ channel: 'c', wait: '3s' })))!
  await nodes.clock.advance(2_000)
  expect(await nodes.until(queue.purge({ channel: 'c' }))).toMatchObject({ moved: 2, left: { leased: 1 } })
  await nodes.until(one.ack())
  const receipt = await nodes.until(queue.sendMessage('four', { channel: 'c', key: 'k', receipt: true }))
  await nodes.clock.advance(2_000)
  expect(await nodes.until(queue.purge({ channel: 'c', match: 'four' }))).toMatchObject({ moved: 1 })
  expect(await nodes.until(queue.status(receipt.id))).toMatchObject({ state: 'dead' })
  await nodes.until(queue.sendMessage('five', { channel: 'c', key: 'k' }))
  expect((await nodes.take(queue, 'c')).map(({ body }) => body)).toEqual(['five'])
})

test('a replay that is asked again, by who did not hear of it, gives nothing twice, also of the next owner', async () => {
  const nodes = new SimNodes({ seed: 500, names: ['berlin'], limits: { scanMs: 1_000 } })
  let owner = await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  const ids = Array.from({ length: 20 }, (_, i) => `id ${String(i).padStart(2, '0')}`)
  for (const id of ids) await nodes.until(queue.sendMessage(id, { id }))
  expect(await nodes.take(queue)).toHaveLength(20)
  await nodes.clock.advance(5)
  const began = nodes.clock.now()
  const replay = (more: object) => {
    const request = { what: 'replay', channel: 'common', filter: {}, began, max: 8, ...more } as const
    return nodes.until(owner.target().move(request))
  }
  const first = await replay({})
  const second = await replay({ after: first.next! })
  expect([first.moved, second.moved]).toEqual([8, 8])
  // Dead before anybody heard of the second step.
  nodes.machine('berlin').powerCut()
  owner = await nodes.server('berlin', 'server2')
  expect((await replay({ after: first.next! })).moved).toBe(4)
  const got = await nodes.take(await nodes.queue('berlin', 'app2'))
  expect(got.map(({ id }) => id)).toEqual(ids)
  expect(new Set(got.map(({ headers }) => headers['dropr-replayed-at']))).toEqual(new Set([String(began)]))
  // Another replay is another wish.
  await nodes.clock.advance(5)
  expect((await replay({ began: nodes.clock.now(), max: 100 })).moved).toBe(40)
})
