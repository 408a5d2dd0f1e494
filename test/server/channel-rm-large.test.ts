import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Message } from '../../src/index.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

const BODY = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) & 255))

async function read(message: Message): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of message.stream()) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

test.each(['berlin', 'tokyo'])(
  'a large body that comes from %s while its channel is removed, at whatever moment, is there whole',
  async from => {
    const limits = { messageBytesMax: 1_024, blobPieceBytes: 1_024, scanMs: 3_000, retentionMs: 0, retryMsMin: 20 }
    const nodes = new SimNodes({ seed: 11, names: ['berlin', 'tokyo'], limits })
    await nodes.server('berlin')
    await nodes.client('tokyo')
    const queue = await nodes.queue('berlin')
    const sender = from === 'berlin' ? queue : await nodes.queue('tokyo')
    let removals = 0
    for (let step = 0; step < 120; step++) {
      const options = { channel: 'films', id: `film ${step}`, to: 'berlin' }
      const send = () => sender.sendMessage(Readable.from([BODY]), options)
      const remove = () =>
        queue.removeChannel('films').then(
          ({ files }) => files > 0,
          () => false
        )
      // From here it is on its way in as soon as it is sent, and then nothing is removed.
      const [first, second] = from === 'berlin' ? [remove, send] : [send, remove]
      const one = first()
      await nodes.clock.advance(step * 0.05)
      const results = await nodes.until(Promise.all([one, second()]))
      if (results.includes(true)) removals++
      const message = await nodes.until(queue.poll({ channel: 'films', wait: '20s' }))
      expect(message?.id, `step ${step}`).toBe(`film ${step}`)
      expect((await nodes.until(read(message!))).equals(BODY), `step ${step}`).toBe(true)
      await nodes.until(message!.ack())
    }
    expect(removals).toBeGreaterThan(5)
  }
)

test('a large body whose folder is gone at that moment is not taken for damaged: it is brought over at the next try', async () => {
  const limits = { messageBytesMax: 1_024, blobPieceBytes: 4_096, scanMs: 3_000 }
  const nodes = new SimNodes({ seed: 12, names: ['berlin'], limits })
  await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  const toInbox = (path: string) => path.includes('/inbox/')
  const gone = nodes.machine('berlin').disk.failNext({ call: 'link', code: 'ENOENT', path: toInbox, times: 2 })
  await nodes.until(queue.sendMessage(Readable.from([BODY]), { channel: 'films', id: 'film' }))
  const message = await nodes.until(queue.poll({ channel: 'films', wait: '20s' }))
  expect(gone.hits).toBe(2)
  expect(message).toMatchObject({ id: 'film', large: true, size: 5_000 })
})
