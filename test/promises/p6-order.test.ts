import { expect, test } from 'vitest'
import type { Message } from '../../src/index.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

/** Each process numbers what it sends; `[process, number]` of what arrived, by channel and priority. */
function rising(messages: readonly Message[], acrossProcesses: boolean): void {
  const last = new Map<string, number>()
  const wrong: string[] = []
  for (const { body, channel, priority } of messages) {
    const [process, number] = body as [number, number]
    const key = `${acrossProcesses ? '' : process} ${channel} ${priority}`
    if (!(number > (last.get(key) ?? -1))) wrong.push(`${key}: ${number} after ${last.get(key)}`)
    last.set(key, number)
  }
  expect(wrong).toEqual([])
}

test('P6: first in, first out for each process, channel and priority, while the client is killed and the wire loses and reorders', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const sim = new SimNodes({
      seed,
      names: ['berlin', 'tokyo'],
      limits: { segmentBytesMax: 65_536, rangeBytesMax: 4_096, retryMsMin: 10, retryMsMax: 1_000, answerMsMax: 300 }
    })
    const random = sim.world.random.fork('test')
    await sim.server('tokyo')
    sim.wire = () => ({
      delayMs: random.between(0, 50),
      loseAnswer: random.chance(0.1),
      loseRequest: random.chance(0.1)
    })
    const queues = [await sim.queue('berlin', 'app 0'), await sim.queue('berlin', 'app 1')]
    const sent = [0, 0]
    for (let round = 0; round < 8; round++) {
      await sim.client('berlin', `client ${round}`)
      for (const [process, queue] of queues.entries()) {
        const sends = Array.from({ length: 40 }, () => {
          const number = sent[process]!++
          const to = { to: 'tokyo', channel: `c${number % 2}`, priority: number % 3 }
          return queue.sendMessage([process, number, 'x'.repeat(random.between(0, 500))], to)
        })
        await sim.until(Promise.all(sends))
      }
      await sim.clock.advance(random.between(0, 200))
      sim.machine('berlin').process(`client ${round}`).kill()
    }
    await sim.client('berlin', 'last')
    await sim.clock.advance(60_000)
    const tokyo = await sim.queue('tokyo')
    const got = [...(await sim.take(tokyo, 'c0', 500)), ...(await sim.take(tokyo, 'c1', 500))]
    expect(got.length, `seed ${seed}`).toBe(640)
    rising(got, false)
  }
})

test('P6: what a process sent before it closed comes before what the next one sends, here and at a peer', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const sim = new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: { segmentBytesMax: 65_536 } })
    const random = sim.world.random.fork('test')
    await sim.server('tokyo')
    sim.wire = () => ({ delayMs: random.between(0, 50) })
    await sim.client('berlin')
    for (let process = 0; process < 10; process++) {
      const queue = await sim.queue('berlin', `app ${process}`)
      for (let i = 0; i < 20; i++) {
        const sent = queue.sendMessage([process, process * 20 + i, 'x'.repeat(4_000)], { to: ['tokyo', 'berlin'] })
        if (random.chance(0.2)) await sim.until(sent)
      }
      await sim.until(queue.close())
    }
    await sim.clock.advance(10_000)
    for (const node of ['tokyo', 'berlin']) {
      const got = await sim.take(await sim.queue(node, 'reader'), 'common', 500)
      expect(got.length, node).toBe(200)
      rising(got, true)
    }
  }
})
