import { expect, test } from 'vitest'
import { DroprError, type Message, type Queue } from '../../src/index.ts'
import { SimNodes } from './sim-nodes.ts'

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof DroprError ? error.code : `bug: ${String(error)}`)
  )

/** Messages that are finished go at the next tidying, and segments are small enough to go. */
const LIMITS = { retentionMs: 0, segmentBytesMax: 65_536, retryMsMax: 2_000, attemptMsMin: 0 }
const BODY = 'x'.repeat(10_000)

/** Sends until the disk takes no more, and a while longer. Gives how many it took. */
async function fill(nodes: SimNodes, queue: Queue, to?: string): Promise<number> {
  let taken = 0
  for (let refused = 0; refused < 20; ) {
    const code = await nodes.until(codeOf(queue.sendMessage(`${taken} ${BODY}`, to === undefined ? {} : { to })))
    if (code === 'done') taken++
    else {
      expect(code).toBe('DISK_FULL')
      refused++
      await nodes.clock.advance(200)
    }
  }
  return taken
}

test('DISK-4 P10: on a disk that fills up sends are refused while verdicts, marks and removal go on from what is kept free; what they free is sent into again', async () => {
  const nodes = new SimNodes({ seed: 40, names: ['berlin', 'tokyo'], limits: LIMITS })
  const { disk } = nodes.machine('berlin')
  await nodes.server('berlin')
  await nodes.client('berlin')
  const queue = await nodes.queue('berlin')
  await nodes.until(queue.sendMessage('first'))
  disk.capacityBytes = 20_000_000
  await nodes.clock.advance(1_000)
  const taken = await fill(nodes, queue)
  // What is kept is a twentieth; less than half of it went to what was on its way, and to zeros written ahead.
  expect(disk.capacityBytes - disk.disk.bytesUsed).toBeGreaterThan(400_000)
  const done = new Set<unknown>()
  let retried = 0
  while (done.size < taken + 1) {
    const messages = (await nodes.until(queue.poll({ max: 50, wait: 5_000 }))) as Message[]
    expect(messages.length, `${done.size} of ${taken + 1} done`).toBeGreaterThan(0)
    const verdicts = messages.map(message => {
      if (message.attempt === 1 && retried < 5) {
        retried++
        return message.retry({ after: 0, reason: 'once more' })
      }
      done.add(message.body)
      return message.ack()
    })
    expect(new Set(await nodes.until(Promise.all(verdicts.map(codeOf))))).toEqual(new Set(['done']))
  }
  await nodes.clock.advance(200_000)
  expect(disk.disk.bytesUsed).toBeLessThan(5_000_000)
  expect(await nodes.until(codeOf(queue.sendMessage('again')))).toBe('done')
  expect((await nodes.take(queue)).map(({ body }) => body)).toEqual(['again'])
})

test('DISK-5: a full receiver takes nothing more but acknowledges what it has, holds up no other peer, and goes on by itself once its consumers have made room', async () => {
  const nodes = new SimNodes({ seed: 41, names: ['berlin', 'tokyo', 'oslo'], limits: LIMITS })
  await nodes.server('tokyo')
  await nodes.server('oslo')
  await nodes.client('berlin')
  const berlin = await nodes.queue('berlin')
  const { disk } = nodes.machine('tokyo')
  await nodes.until(berlin.sendMessage('first', { to: 'tokyo' }))
  await nodes.clock.advance(2_000)
  disk.capacityBytes = 6_000_000
  for (let n = 0; n < 900; n++) await nodes.until(berlin.sendMessage(`${n} ${BODY}`, { to: 'tokyo' }))
  await nodes.clock.advance(30_000)
  const uploads = nodes.uploads.length
  await nodes.clock.advance(20_000)
  expect(nodes.uploads.length - uploads).toBeLessThan(60)
  expect(disk.capacityBytes - disk.disk.bytesUsed).toBeGreaterThan(50_000)
  await nodes.until(berlin.sendMessage('free', { to: 'oslo' }))
  await nodes.clock.advance(3_000)
  expect(await nodes.take(await nodes.queue('oslo'))).toHaveLength(1)
  const tokyo = await nodes.queue('tokyo')
  const got = new Set<unknown>()
  for (let tries = 0; got.size < 901 && tries < 20; tries++) {
    for (const { body } of await nodes.take(tokyo)) got.add(body)
    await nodes.clock.advance(70_000)
  }
  expect(got.size).toBe(901)
})

test('DISK-6: no more files can be made: sends are refused with a code, what is here is polled and acknowledged, and sends work again once there are', async () => {
  const nodes = new SimNodes({ seed: 42, names: ['berlin'], limits: LIMITS })
  const { disk } = nodes.machine('berlin')
  await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  await nodes.until(queue.sendMessages(['a', 'b', 'c']))
  const held = (await nodes.until(queue.poll({ max: 3, wait: 5_000 }))) as Message[]
  const rule = disk.faults.add({ call: 'create', code: 'ENOSPC', times: Number.POSITIVE_INFINITY })
  expect(await nodes.until(codeOf(queue.sendMessage('x', { channel: 'new' })))).toBe('DISK_FULL')
  expect(new Set(await nodes.until(Promise.all(held.map(message => codeOf(message.ack())))))).toEqual(new Set(['done']))
  rule.remove()
  expect(await nodes.until(codeOf(queue.sendMessage('x', { channel: 'new' })))).toBe('done')
  expect((await nodes.take(queue, 'new')).map(({ body }) => body)).toEqual(['x'])
})
