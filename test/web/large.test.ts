import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { closeAll, desk, settled } from './desk.ts'

afterEach(closeAll)

const BODY = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) & 255))

test('GET gives a large body byte for byte, with its length; JSON tells the length only; what comes in stays below messageBytesMax', async () => {
  const node = await desk({ limits: { messageBytesMax: 10_000, blobPieceBytes: 65_536 } })
  await node.queue.sendMessage(Readable.from([BODY]), { channel: 'films', id: 'film' })
  const looked = await node.call('GET', '/v1/channels/films/peek')
  const taken = await fetch(`${node.url}/v1/queues/films?wait=10s`)
  expect(taken.status).toBe(200)
  expect(taken.headers.get('content-length')).toBe('700000')
  expect(taken.headers.get('dropr-id')).toBe('film')
  expect(Buffer.from(await taken.arrayBuffer()).equals(BODY)).toBe(true)
  const lease = taken.headers.get('dropr-lease')
  expect((await node.call('POST', `/v1/leases/${lease}/0/release`)).status).toBe(204)
  const polled = await node.call('POST', '/v1/poll', { json: { channel: 'films', wait: '10s' } })
  expect(polled.json.messages[0]).toMatchObject({ id: 'film', kind: 'bytes', bodyBytes: 700_000 })
  expect(polled.json.messages[0].bodyBase64).toBeUndefined()
  expect((await node.call('POST', `/v1/leases/${polled.json.lease}/0/ack`)).status).toBe(204)
  await settled(node, 'films', { pending: 0, leased: 0, done: 1 })
  const refused = await node.call('PUT', '/v1/queues/films', { body: BODY })
  expect(refused).toMatchObject({ status: 413, json: { code: 'MESSAGE_TOO_LARGE' } })
  void looked
})
