import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { fakeQueue } from './fake-queue.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

test('C26: what was polled and acknowledged is let go of, while the queue is open', async () => {
  const { queue, inbox } = fakeQueue()
  const polled: WeakRef<object>[] = []
  const pollOne = async (body: string) => {
    inbox.put('common', body)
    const message = (await queue.poll())!
    expect(message.body).toBe(body)
    await message.ack()
    polled.push(new WeakRef(message))
  }
  for (let i = 0; i < 20; i++) await pollOne(`m${i}`)
  // References are weak from the next turn of the loop on.
  await new Promise(resolve => setImmediate(resolve))
  collect()
  // The last claims may still be at hand.
  expect(polled.filter(ref => ref.deref() !== undefined).length).toBeLessThanOrEqual(2)
})
