import { expect, test } from 'vitest'
import { SOAK } from '../soak.ts'
import { SimNodes } from './sim-nodes.ts'

const FEW = 1_000
const MANY = SOAK ? 1_000_000 : 50_000
const POLLS = 41

/** What polls of 100 cost with so many waiting: calls of the disk of the median one, and the least processor time: garbage of whole files is collected beside. */
async function costOfPoll(waiting: number): Promise<{ calls: number; cpuUs: number }> {
  const nodes = new SimNodes({ seed: 11, names: ['node'] })
  const owner = await nodes.server('node')
  const sender = await nodes.queue('node', 'sender')
  const bodies = Array.from({ length: FEW }, () => 'x'.repeat(64))
  for (let sent = 0; sent < waiting; sent += FEW)
    await nodes.until(sender.sendMessages(bodies, { durability: 'buffered' }))
  while (owner.depth() < waiting) await nodes.clock.advance(100)
  const queue = await nodes.queue('node', 'consumer')
  let calls = 0
  nodes.machine('node').disk.failNext({ call: 'any', code: 'EIO', path: () => ++calls < 0 })
  const polls: { calls: number; cpuUs: number }[] = []
  for (let n = 0; n < POLLS; n++) {
    // What went on beside: the checkpoint, the sweep.
    await nodes.clock.advance(5_000)
    calls = 0
    const before = process.cpuUsage()
    const messages = await nodes.until(queue.poll({ max: 100 }))
    const { user, system } = process.cpuUsage(before)
    polls.push({ calls, cpuUs: user + system })
    expect(messages).toHaveLength(100)
    await nodes.until(Promise.all(messages.map(message => message.release())))
  }
  const calls50 = polls.map(poll => poll.calls).toSorted((a, b) => a - b)[POLLS >> 1]!
  return { calls: calls50, cpuUs: Math.min(...polls.map(poll => poll.cpuUs)) }
}

test('B11: with 50,000 waiting (a million in the soak) the next poll of 100 makes no more calls of the disk than with 1,000, and takes at most 3 times the processor time', async () => {
  const [few, many] = [await costOfPoll(FEW), await costOfPoll(MANY)]
  expect(many.calls).toBeLessThanOrEqual(few.calls)
  expect(many.cpuUs).toBeLessThanOrEqual(few.cpuUs * 3)
}, 600_000)
