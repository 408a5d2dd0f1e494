import { expect, test } from 'vitest'
import type { Queue } from '../../src/queue/queue.ts'
import { SimNodes } from '../rows/sim-nodes.ts'
import { CHANNEL, dieAtEveryCall, filesIn, LIMITS, sendAgain, sent, unheard } from './removal-bed.ts'

test('channel rm removes an empty channel, and what its senders send again does not enter twice, over restarts', async () => {
  for (const seed of [1, 2]) {
    const { nodes, berlin, tokyo } = await unheard(seed)
    const dry = await nodes.until(tokyo.removeChannel(CHANNEL, { dryRun: true }))
    expect(dry).toMatchObject({ files: 1, left: {} })
    expect(await filesIn(nodes, 'tokyo', 'inbox')).toContain(CHANNEL)
    expect(await nodes.until(tokyo.removeChannel(CHANNEL))).toEqual(dry)
    expect(await filesIn(nodes, 'tokyo', 'inbox')).not.toContain(CHANNEL)
    expect(await filesIn(nodes, 'tokyo', 'removed')).toEqual([`${CHANNEL}.json`])
    expect(await nodes.until(tokyo.removeChannel(CHANNEL))).toMatchObject({ files: 0 })
    if (seed === 2) {
      nodes.machine('tokyo').powerCut({ data: 'lose', names: 'lose' })
      await nodes.server('tokyo', 'server2')
    }
    await sendAgain({ nodes })
    const queue = await nodes.queue('tokyo', 'app3')
    expect((await nodes.take(queue, CHANNEL)).map(({ body }) => body)).toEqual(['new'])
    expect(await nodes.until(berlin.status('id e'))).toMatchObject({ deliveries: [{ delivered: true }] })
    // It says now itself what was remembered, and may be removed again.
    expect(await filesIn(nodes, 'tokyo', 'removed')).toEqual([])
    expect(await nodes.until(queue.removeChannel(CHANNEL))).toMatchObject({ files: 1 })
    await nodes.until(berlin.sendMessage('again', { to: 'tokyo', ...sent('again') }))
    await nodes.clock.advance(2_000)
    expect((await nodes.take(queue, CHANNEL)).map(({ body }) => body)).toEqual(['again'])
  }
})

test('channel rm refuses with CHANNEL_NOT_EMPTY, and says what waits, is leased, held, unsent or dead', async () => {
  const nodes = new SimNodes({ seed: 3, names: ['berlin', 'tokyo'], limits: LIMITS })
  const queue = await nodes.queue('berlin')
  const refusal = async () => {
    const refused = (error: { code?: string; message: string }) => `${error.code}: ${error.message}`
    return await nodes.until(queue.removeChannel(CHANNEL).then(() => 'removed', refused))
  }
  expect(await nodes.until(queue.removeChannel(CHANNEL))).toEqual({ files: 0, bytes: 0, left: {} })
  for (const body of ['a', 'b', 'c']) await nodes.until(queue.sendMessage(body, sent(body)))
  expect(await refusal()).toMatch(/^CHANNEL_NOT_EMPTY: channel "orders" cannot be removed: .*3 on their way in/)
  await nodes.clock.advance(1_000)
  expect(await refusal()).toBe('CHANNEL_NOT_EMPTY: channel "orders" cannot be removed: 3 wait')
  const message = (await nodes.until(queue.poll({ channel: CHANNEL, wait: '3s' })))!
  await nodes.until(queue.hold('id b'))
  expect(await refusal()).toContain('1 wait, 1 leased, 1 held')
  await nodes.until(message.reject('no use'))
  await nodes.until(queue.unhold('id b'))
  expect(await nodes.take(queue, CHANNEL)).toHaveLength(2)
  await nodes.until(queue.sendMessage('x', { ...sent('x'), to: 'tokyo' }))
  expect(await refusal()).toContain('1 unsent to tokyo, 1 dead letters')
  await nodes.until(queue.dead.remove({ all: true }))
  expect(await refusal()).toContain('removed: 1 unsent to tokyo')
  await nodes.server('tokyo')
  await nodes.client('berlin')
  await nodes.clock.advance(3_000)
  expect(await filesIn(nodes, 'berlin', `dead/${CHANNEL}`)).toHaveLength(2)
  expect(await nodes.until(queue.status('id b'))).toMatchObject({ state: 'processed' })
  expect(await nodes.until(queue.removeChannel(CHANNEL))).toMatchObject({ left: { sent: 2 } })
  // What was sent is wiped, and goes once its writer has ended: of here, and of tokyo's.
  expect(await nodes.until(queue.status('id b'))).toMatchObject({ state: 'unknown' })
  expect(await filesIn(nodes, 'berlin', 'inbox')).not.toContain(CHANNEL)
  expect(await filesIn(nodes, 'berlin', `dead/${CHANNEL}`)).toEqual(['no folder'])
  await expect(queue.removeChannel('$dropr.reply')).rejects.toThrow(TypeError)
  await nodes.until(queue.close())
  const next = await nodes.queue('berlin', 'app2')
  await nodes.until(next.peek({ channel: 'other' }))
  await nodes.clock.advance(180_000)
  for (const peer of ['berlin', 'tokyo'])
    expect(await filesIn(nodes, 'berlin', `outbox/${peer}/${CHANNEL}/4`)).toEqual([])
})

test('channel rm takes a pause along, and whoever waits for a message gets the first that comes afterwards', async () => {
  const nodes = new SimNodes({ seed: 4, names: ['berlin'], limits: LIMITS })
  const queue = await nodes.queue('berlin')
  await nodes.until(queue.sendMessage('a', sent('a')))
  expect(await nodes.take(queue, CHANNEL)).toHaveLength(1)
  await nodes.until(queue.pause(CHANNEL))
  const waiting = queue.poll({ channel: CHANNEL, wait: '60s' })
  await nodes.clock.advance(100)
  await nodes.until(queue.removeChannel(CHANNEL))
  await nodes.until(queue.sendMessage('b', sent('b')))
  expect(await nodes.until(waiting)).toMatchObject({ body: 'b' })
})

const remove = { takesMs: 500, ask: (queue: Queue) => queue.removeChannel(CHANNEL) }

test.each([[false], [true]])(
  'channel rm: dead between any two calls of the disk (power cut: %s) leaves the channel or none, and nothing lost or twice',
  power => dieAtEveryCall(power, remove),
  120_000
)
