import type { Queue } from '../src/index.ts'
import { saturated } from './hops-scenarios.ts'
import { receiverScenario } from './receiver-scenario.ts'
import { perSecond, type Result, repeated, type Scenario, type Stage } from './scenario.ts'
import { ABSENT, sendAll, withQueue } from './send-scenarios.ts'

/** What the ancestors of dropr reached on such a machine, with 1 KiB bodies: the rows Q of the inventory. */
const BODY = 'x'.repeat(1_024)
const CHANNEL = 'bench'

type Job = Parameters<typeof sendAll>[1]

function sending(stage: Stage, name: string, job: Omit<Job, 'messages' | 'body'> & { usual: number }): Promise<Result> {
  const { usual, ...rest } = job
  const messages = stage.messages(usual)
  return withQueue(stage, name, async queue => {
    const measure = () => perSecond(() => sendAll(queue, { ...rest, messages, body: BODY }))
    return { figures: { perSecond: await repeated(stage.rounds, measure) } }
  })
}

/** What is in the inbox already is polled, read and acked, a thousand at a time. */
function polling(stage: Stage): Promise<Result> {
  const messages = stage.messages(50_000)
  return withQueue(stage, 'poll', async queue => {
    const measure = async () => {
      await sendAll(queue, { messages, inFlight: 256, body: BODY })
      return perSecond(() => drain(queue, messages))
    }
    return { figures: { perSecond: await repeated(stage.rounds, measure) } }
  })
}

async function drain(queue: Queue, count: number): Promise<number> {
  let done = 0
  while (done < count) {
    const messages = await queue.poll({ channel: CHANNEL, max: 1_000, wait: 1_000 })
    for (const message of messages)
      if (message.text().length !== BODY.length) throw new Error('a body came back changed')
    await Promise.all(messages.map(message => message.ack()))
    done += messages.length
  }
  return done
}

/** One after the other: send, poll, acknowledge. */
function cycling(stage: Stage): Promise<Result> {
  const cycles = stage.messages(2_000)
  return withQueue(stage, 'cycle', async queue => {
    const measure = () =>
      perSecond(async () => {
        for (let n = 0; n < cycles; n++) {
          await queue.sendMessage(BODY, { channel: CHANNEL })
          const message = await queue.poll({ channel: CHANNEL, wait: 10_000 })
          if (!message) throw new Error('a message that was sent did not come')
          await message.ack()
        }
        return cycles
      })
    return { figures: { perSecond: await repeated(stage.rounds, measure) } }
  })
}

/** 10,000 different messages; each must come back once. */
function clientTest(stage: Stage): Promise<Result> {
  const count = stage.messages(10_000)
  return withQueue(stage, 'client-test', async queue => {
    const startedAt = performance.now()
    const ids = new Set<string>()
    for (let n = 0; n < count; n++) ids.add((await queue.sendMessage(`message ${n}`, { channel: CHANNEL })).id)
    let polled = 0
    while (polled < count) {
      const messages = await queue.poll({ channel: CHANNEL, max: 1_000, wait: 10_000 })
      if (messages.length === 0) throw new Error(`${count - polled} of ${count} messages did not come`)
      for (const message of messages) if (!ids.delete(message.id)) throw new Error('a message came twice')
      await Promise.all(messages.map(message => message.ack()))
      polled += messages.length
    }
    return { figures: { messages: polled, seconds: (performance.now() - startedAt) / 1000 } }
  })
}

export const inventoryScenarios: readonly Scenario[] = [
  {
    name: 'q1-send-1KiB-buffered-1-in-flight',
    title: 'Q1: send 1 KiB without a sync, one at a time, one process',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 18_127 }],
    run: stage => sending(stage, 'q1', { usual: 50_000, inFlight: 1, to: ABSENT, durability: 'buffered' })
  },
  {
    name: 'q2-send-1KiB-32-in-flight',
    title: 'Q2: durable send of 1 KiB, 32 callers',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 5_000 }],
    run: stage => sending(stage, 'q2', { usual: 50_000, inFlight: 32, to: ABSENT })
  },
  receiverScenario,
  {
    name: 'q4-poll-read-ack-1KiB',
    title: 'Q4: poll, read and acknowledge (synced) 1 KiB',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 16_754 }],
    run: polling
  },
  {
    name: 'q5-send-poll-ack-1KiB-cycle',
    title: 'Q5: send, poll, acknowledge, one after the other, every step synced',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 471 }],
    run: cycling
  },
  {
    name: 'q6-two-hops-1KiB-saturated',
    title: 'Q6: two nodes over loopback HTTP, 1 KiB, acknowledged and polled',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 3_000 }],
    run: stage => saturated(stage, { bodyBytes: 1_024, usual: 100_000 })
  },
  {
    name: 'q9-client-test-10000',
    title: 'Q9: 10,000 messages sent one at a time, all polled, each once',
    targets: [{ figure: 'messages', unit: 'messages', atLeast: 10_000 }],
    run: clientTest
  }
]
