import { expect, test } from 'vitest'
import type { Message } from '../../src/queue/message.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'
import { bed, blobs, bytesOf, DELAY_MS, LIMITS, read, scheduler, streamOf } from './large-desk.ts'

test('E9: a stream for later lies beside the schedule until it is due, comes byte for byte, and leaves nothing', async () => {
  const sim = bed(1)
  const queue = await sim.queue('berlin')
  await scheduler(sim)
  const body = bytesOf(10_000)
  const receipt = await sim.until(
    queue.sendMessage(streamOf(body), { delay: DELAY_MS, id: 'film', kind: 'text', headers: { a: 'b' } })
  )
  expect(receipt).toMatchObject({ id: 'film', state: 'scheduled' })
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toEqual(['/blobs'])
  expect(await blobs(sim, 'outbox')).toEqual([])
  expect((await sim.until(queue.schedule.list())).messages).toMatchObject([{ id: 'film', bytes: 10_000 }])
  const { messages } = await sim.until(queue.schedule.show('film'))
  expect(messages).toMatchObject([{ id: 'film', kind: 'text', bytes: 10_000, bodyBytes: 10_000 }])
  expect(messages[0]!.body.length).toBe(0)
  await sim.clock.advance(DELAY_MS)
  const message = (await sim.until(queue.poll({ wait: 5_000 })))!
  expect(message).toMatchObject({ id: 'film', size: 10_000, large: true, kind: 'text', headers: { a: 'b' } })
  expect(await read(sim, message)).toEqual(body)
  await sim.until(message.ack())
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toEqual([])
})

test('without any scheduler it goes with a tick, also when nobody gave it an id', async () => {
  const sim = bed(2)
  const queue = await sim.queue('berlin')
  const body = bytesOf(3_000)
  const { id } = await sim.until(
    queue.sendMessage(streamOf(body), { deliverAt: sim.machine('berlin').process('p').clock.now() })
  )
  expect(await blobs(sim, 'schedule')).toEqual(['/in'])
  expect(await sim.until(queue.schedule.tick())).toMatchObject([{ id }])
  expect(await blobs(sim, 'schedule')).toEqual([])
  const message = (await sim.until(queue.poll({ wait: 5_000 })))!
  expect(message.id).toBe(id)
  expect(await read(sim, message)).toEqual(body)
})

test('another time keeps the body; cancelled, or given another body, it goes at once', async () => {
  const sim = bed(3)
  const queue = await sim.queue('berlin')
  await scheduler(sim)
  for (const id of ['moved', 'edited', 'cancelled'])
    await sim.until(queue.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS, id }))
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toHaveLength(3)
  expect(await sim.until(queue.schedule.cancel('cancelled'))).toMatchObject({ done: true })
  expect(await blobs(sim, 'schedule')).toHaveLength(2)
  expect(await sim.until(queue.schedule.edit('edited', 'short'))).toMatchObject({ done: true })
  expect(await blobs(sim, 'schedule')).toHaveLength(1)
  expect(await sim.until(queue.schedule.reschedule('moved', `${DELAY_MS / 500}s`))).toMatchObject({ done: true })
  expect(await blobs(sim, 'schedule')).toHaveLength(1)
  await sim.clock.advance(DELAY_MS * 3)
  const got = [await sim.until(queue.poll({ wait: 5_000 })), await sim.until(queue.poll({ wait: 5_000 }))] as Message[]
  expect(got.map(({ id, large }) => [id, large])).toEqual([
    ['edited', false],
    ['moved', true]
  ])
  expect(await read(sim, got[1]!)).toEqual(bytesOf(4_000))
})

test('for several peers it lies there once, and goes when the last of them has it', async () => {
  const sim = new SimNodes({ seed: 4, names: ['berlin', 'tokyo'], limits: LIMITS })
  const queue = await sim.queue('berlin')
  await scheduler(sim)
  await sim.until(queue.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS, id: 'two', to: ['tokyo', 'berlin'] }))
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toEqual(['/blobs'])
  const rule = sim.machine('berlin').disk.failNext({
    call: 'writeSynced',
    code: 'EIO',
    path: path => path.includes('/outbox/tokyo/'),
    times: 3
  })
  await sim.clock.advance(DELAY_MS - 4_000)
  expect(rule.hits).toBeGreaterThan(0)
  await sim.clock.advance(20_000)
  expect(await blobs(sim, 'outbox')).toContain('/tokyo/common/4')
  expect(await blobs(sim, 'schedule')).toEqual([])
  expect(await read(sim, (await sim.until(queue.poll({ wait: 5_000 })))!)).toEqual(bytesOf(4_000))
})

test('what cannot be held is refused before a byte is read; a stream that fails leaves nothing', async () => {
  const sim = bed(5)
  const queue = await sim.queue('berlin')
  let read = 0
  async function* counted() {
    read++
    yield Buffer.alloc(5_000)
    throw new Error('gone')
  }
  await expect(queue.sendMessage(counted(), { delay: '2h', ttl: '1h' })).rejects.toThrow(TypeError)
  expect(read).toBe(0)
  const failed = sim.until(queue.sendMessage(counted(), { delay: '2h' }))
  await expect(failed).rejects.toMatchObject({ code: 'BODY_UNREADABLE' })
  expect(await blobs(sim, 'schedule')).toEqual([])
})

test('`clean` finds bodies of senders that died before their message was written, and what a scheduler that died left', async () => {
  const sim = bed(6)
  const { disk } = sim.machine('berlin')
  const queue = await sim.queue('berlin')
  const dying = await sim.queue('berlin', 'dying')
  disk.failNext({
    call: 'create',
    code: 'EIO',
    path: path => {
      const isEntry = path.includes('/schedule/in/') && path.endsWith('.seg')
      if (isEntry) sim.machine('berlin').process('dying').kill()
      return isEntry
    }
  })
  void dying.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS }).catch(() => undefined)
  await sim.clock.advance(1_000)
  await sim.until(queue.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS, id: 'stays' }))
  await sim.until(queue.schedule.list())
  // As one that was handed over, and whose scheduler died before it took the body away.
  const alone = `${SPOOL}/schedule/blobs/0011223344556677-8899aabbccddeeff.blob`
  const file = await sim.until(disk.create(alone))
  await sim.until(file.writeSynced([bytesOf(4_000)], 0).then(() => file.close()))
  expect((await blobs(sim, 'schedule')).sort()).toEqual(['/blobs', '/blobs', '/in', '/in'])
  expect(await sim.until(queue.clean({ dryRun: true }))).toMatchObject({ segments: 0, blobs: 2 })
  expect(await sim.until(queue.clean())).toMatchObject({ segments: 0, blobs: 2 })
  expect(await blobs(sim, 'schedule')).toEqual(['/blobs', '/in'])
  expect(await sim.until(queue.schedule.sendNow('stays'))).toMatchObject({ state: 'fired' })
  expect(await read(sim, (await sim.until(queue.poll({ wait: 5_000 })))!)).toEqual(bytesOf(4_000))
})
