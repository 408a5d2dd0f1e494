import { expect, test } from 'vitest'
import { DroprError, type Receipt } from '../../src/index.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

test('P1: after a power cut at any moment every message whose send had resolved is there, whole, with no daemon and no network', async () => {
  let told = 0
  let untold = 0
  for (let seed = 1; seed <= 60; seed++) {
    const sim = new SimNodes({ seed, names: ['berlin'] })
    const random = sim.world.random.fork('test')
    const queue = await sim.queue('berlin')
    const resolved = new Map<string, string>()
    let sent = 0
    for (let i = 0; i < 30; i++) {
      const body = `${seed} ${i} ${'x'.repeat(random.int(2_000))}`
      const note = ({ id }: Receipt) => void resolved.set(id, body)
      queue.sendMessage(body, { channel: `c${i % 3}` }).then(note, () => undefined)
      sent++
      if (random.chance(0.05)) break
      if (random.chance(0.4)) await sim.clock.advance(random.next() / 2)
    }
    sim.machine('berlin').powerCut()
    const reader = await sim.queue('berlin', 'reader')
    const found = new Map<string, unknown>()
    for (const channel of ['c0', 'c1', 'c2']) {
      for (const { id, body } of await sim.take(reader, channel, 500)) found.set(id, body)
    }
    for (const [id, body] of resolved) expect(found.get(id), `seed ${seed}`).toBe(body)
    told += resolved.size
    untold += sent - resolved.size
  }
  // Cuts that hit nothing prove nothing.
  expect(told).toBeGreaterThan(200)
  expect(untold).toBeGreaterThan(60)
})

test('P1: whichever call of the disk fails, and with whatever, a send rejects with a code within a second or has kept its word', async () => {
  let rejected = 0
  for (const code of ['EIO', 'ENOSPC', 'EMFILE', 'EROFS', 'EACCES']) {
    for (let after = 0, struck = true; struck; after++) {
      const sim = new SimNodes({ seed: after, names: ['berlin'] })
      const queue = await sim.queue('berlin')
      const { disk } = sim.machine('berlin')
      const rule = disk.failNext({ call: 'any', code, after })
      const since = sim.clock.ticks()
      const sent = await sim.until(queue.sendMessage('word').catch((error: unknown) => error))
      expect(sim.clock.ticks() - since).toBeLessThan(1_000)
      struck = rule.hits > 0
      rule.remove()
      sim.machine('berlin').powerCut()
      const found = await sim.take(await sim.queue('berlin', 'reader'), 'common', 500)
      if (sent instanceof DroprError) {
        rejected++
        expect(sent.code).toMatch(/^(DISK_|FILES_)/)
        expect(found.length).toBeLessThanOrEqual(1)
      } else {
        expect(sent).not.toBeInstanceOf(Error)
        expect(found.map(message => message.body)).toEqual(['word'])
      }
    }
  }
  expect(rejected).toBeGreaterThan(20)
})
