import { expect, test } from 'vitest'
import { SimNodes } from '../rows/sim-nodes.ts'
import { STORES } from '../rows/stores.ts'

test('P2: a send that failed at any call of the disk, sent again with its id until it resolves, is polled exactly once', async () => {
  let again = 0
  for (let after = 0, struck = true; struck; after++) {
    const sim = new SimNodes({ seed: after, names: ['berlin'] })
    const queue = await sim.queue('berlin')
    const rule = sim.machine('berlin').disk.failNext({ call: 'any', code: 'EIO', after, partialBytes: 1e9 })
    for (let sent = false; !sent; ) {
      sent = await sim.until(
        queue.sendMessage('x', { id: 'order-1' }).then(
          () => true,
          () => false
        )
      )
      if (!sent) again++
    }
    struck = rule.hits > 0
    rule.remove()
    const found = await sim.take(await sim.queue('berlin', 'reader'), 'common', 500)
    expect(found.map(message => message.id)).toEqual(['order-1'])
  }
  expect(again).toBeGreaterThan(3)
})

test('P2: unresolved sends of processes that were killed, sent again by the next process to another node, arrive exactly once', async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const sim = new SimNodes({
      seed,
      names: ['berlin', 'tokyo'],
      limits: { retryMsMin: 10, retryMsMax: 1_000, answerMsMax: 500 }
    })
    const random = sim.world.random.fork('test')
    await sim.server('tokyo')
    await sim.client('berlin')
    // Half of all answers are lost: what arrived is sent again.
    sim.wire = () => ({ delayMs: random.between(0, 20), loseAnswer: random.chance(0.5) })
    const ids = Array.from({ length: 20 }, (_, i) => `order-${i}`)
    const resolved = new Set<string>()
    for (let process = 0; resolved.size < ids.length; process++) {
      const queue = await sim.queue('berlin', `app ${process}`)
      for (const id of ids) {
        if (!resolved.has(id))
          queue.sendMessage(id, { id, to: 'tokyo' }).then(
            () => resolved.add(id),
            () => undefined
          )
      }
      await sim.clock.advance(random.between(0, 1.5))
      sim.machine('berlin').process(`app ${process}`).kill()
    }
    sim.wire = () => undefined
    await sim.clock.advance(60_000)
    const got = await sim.take(await sim.queue('tokyo'))
    expect(got.map(message => message.id).sort(), `seed ${seed}`).toEqual(ids.toSorted())
  }
})

test.each(STORES)(
  'P2 D6: an id is remembered for 7 days after its message was done, over restarts of whoever owns the inbox and removals of old files',
  async store => {
    const sim = new SimNodes({ seed: 7, names: ['berlin'], limits: { retentionMs: 0, segmentBytesMax: 65_536 }, store })
    const day = 86_400_000
    let processes = 0
    const send = async () => {
      const queue = await sim.queue('berlin', `app ${processes++}`)
      for (let i = 0; i < 40; i++) await sim.until(queue.sendMessage('x'.repeat(2_000)))
      await sim.until(queue.sendMessage('once', { id: 'order-1' }))
      const got = await sim.take(queue, 'common', 500)
      // Long enough that finished files are looked through.
      await sim.clock.advance(300_000)
      await sim.until(queue.close())
      return got.filter(message => message.body === 'once').length
    }
    const found = [await send()]
    for (let days = 0; days < 6; days++) {
      await sim.clock.advance(day)
      found.push(await send())
    }
    expect(found).toEqual([1, 0, 0, 0, 0, 0, 0])
  }
)
