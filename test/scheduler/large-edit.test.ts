import { expect, test } from 'vitest'
import type { Message } from '../../src/queue/message.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'
import { bed, blobs, bytesOf, DELAY_MS, LIMITS, read, scheduler, streamOf } from './large-desk.ts'

test('a message is given a large body: it comes byte for byte, the old one goes, and whoever put it has nothing left', async () => {
  const sim = bed(11)
  const queue = await sim.queue('berlin')
  await scheduler(sim)
  await sim.until(queue.sendMessage('short', { delay: DELAY_MS, id: 'small', headers: { a: 'b' } }))
  await sim.until(queue.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS, id: 'large' }))
  await sim.until(queue.sendMessage('sent', { id: 'gone' }))
  for (const id of ['small', 'large']) {
    const edited = queue.schedule.edit(id, streamOf(bytesOf(9_000, 11)), { kind: 'bytes' })
    expect(await sim.until(edited)).toMatchObject({ done: true, state: 'scheduled' })
  }
  expect(await sim.until(queue.schedule.edit('gone', streamOf(bytesOf(9_000))))).toMatchObject({ done: false })
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toEqual(['/blobs', '/blobs'])
  expect(await sim.until(queue.schedule.edit('large', streamOf(bytesOf(500, 3))))).toMatchObject({ done: true })
  expect(await blobs(sim, 'schedule')).toEqual(['/blobs'])
  await sim.clock.advance(DELAY_MS + 5_000)
  const got = new Map<string, Message>()
  for (const id of ['gone', 'small', 'large']) got.set(id, (await sim.until(queue.poll({ wait: 5_000 })))!)
  const messages = new Map([...got.values()].map(message => [message.id, message]))
  expect(messages.get('small')).toMatchObject({ large: true, size: 9_000, headers: { a: 'b' } })
  expect(await read(sim, messages.get('small')!)).toEqual(bytesOf(9_000, 11))
  expect(messages.get('large')!.bytes()).toEqual(bytesOf(500, 3))
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toEqual([])
})

test('a stream that fails, or is too long, changes nothing and leaves nothing', async () => {
  const sim = new SimNodes({ seed: 12, names: ['berlin'], limits: { ...LIMITS, blobBytesMax: 20_000 } })
  const queue = await sim.queue('berlin')
  await scheduler(sim)
  await sim.until(queue.sendMessage('as it was', { delay: DELAY_MS, id: 'a' }))
  async function* failing() {
    yield Buffer.alloc(5_000)
    throw new Error('gone')
  }
  const code = async (body: AsyncIterable<Buffer>) =>
    await sim.until(
      queue.schedule.edit('a', body).then(
        () => 'changed',
        ({ code }: { code: string }) => code
      )
    )
  expect(await code(failing())).toBe('BODY_UNREADABLE')
  expect(await code(streamOf(bytesOf(30_000)))).toBe('MESSAGE_TOO_LARGE')
  expect(await blobs(sim, 'schedule')).toEqual([])
  await sim.clock.advance(DELAY_MS)
  expect((await sim.until(queue.poll({ wait: 5_000 })))!.body).toBe('as it was')
})

test.each(['editor', 'scheduler', 'power'])(
  'dead between any two calls of the disk while a large body is given (%s): the message comes once, with the one or the other, and nothing lies there for ever',
  async who => {
    const bodies = [bytesOf(3_000), bytesOf(9_000, 11)]
    const seen = new Set<number>()
    for (let k = 1; ; k++) {
      const sim = bed(100 + k)
      const queue = await sim.queue('berlin', 'editor')
      await scheduler(sim)
      await sim.until(queue.sendMessage(streamOf(bodies[0]!), { delay: DELAY_MS, id: 'film' }))
      await sim.clock.advance(5_000)
      const machine = sim.machine('berlin')
      let calls = 0
      const hook = machine.disk.failNext({
        call: 'any',
        code: 'EIO',
        path: name => {
          if (name.startsWith(`${SPOOL}/schedule`) && ++calls === k) {
            if (who === 'power') machine.powerCut()
            else machine.process(who).kill()
          }
          return false
        }
      })
      let told = 'nothing'
      queue.schedule.edit('film', streamOf(bodies[1]!)).then(({ done }) => {
        told = done ? 'changed' : 'not'
      }, String)
      await sim.clock.advance(1_000)
      hook.remove()
      const all = calls
      await sim.clock.advance(40_000)
      for (const name of ['editor', 'scheduler']) machine.process(name).kill()
      await scheduler(sim, 'next')
      const app = await sim.queue('berlin', 'app')
      await sim.clock.advance(DELAY_MS)
      const message = (await sim.until(app.poll({ wait: 5_000 })))!
      const body = await read(sim, message)
      const which = bodies.findIndex(one => one.equals(body))
      expect(which, `step ${k}`).toBeGreaterThan(-1)
      if (told === 'changed') expect(which, `step ${k}`).toBe(1)
      seen.add(which)
      await sim.until(message.ack())
      expect(await sim.until(app.poll({ wait: 5_000 }))).toBeUndefined()
      await sim.clock.advance(120_000)
      expect(await blobs(sim, 'schedule'), `step ${k}`).toEqual([])
      if (all < k) break
    }
    expect(seen).toEqual(new Set([0, 1]))
  },
  120_000
)
