import { afterEach, expect, test } from 'vitest'
import { closeAll, desk } from './desk.ts'

afterEach(closeAll)

test('GET on a message says how far it has come and what was made of it; one that nobody sent is unknown', async () => {
  const node = await desk()
  const { json: sent } = await node.call('POST', '/v1/messages', { json: { body: 1, channel: 'c', receipt: true } })
  const { json: held } = await node.call('POST', '/v1/poll', { json: { channel: 'c', wait: '10s' } })
  expect((await node.call('GET', `/v1/messages/${sent.id}`)).json.state).toBe('delivered')
  await node.call('POST', `/v1/leases/${held.lease}/0/ack`, { json: { result: { rows: 3 } } })
  const { status, json } = await node.call('GET', `/v1/messages/${sent.id}`)
  expect([status, json]).toEqual([
    200,
    {
      id: sent.id,
      state: 'processed',
      deliveries: [
        {
          peer: 'berlin',
          channel: 'c',
          state: 'processed',
          delivered: true,
          at: expect.any(Number),
          result: { rows: 3 }
        }
      ]
    }
  ])
  await node.call('PUT', '/v1/queues/c', { body: 'x', headers: { 'dropr-to': 'tokyo', 'idempotency-key': 'mine' } })
  expect((await node.call('GET', '/v1/messages/mine')).json).toMatchObject({
    state: 'pending',
    deliveries: [{ peer: 'tokyo' }]
  })
  expect((await node.call('GET', '/v1/messages/nobody')).json).toEqual({
    id: 'nobody',
    state: 'unknown',
    deliveries: []
  })
})

test('A20: who holds a message answers it by HTTP, told twice once; without an address it is refused', async () => {
  const node = await desk()
  const replied = node.queue.request('berlin', 'how many?', { channel: 'ask' })
  const { json: held } = await node.call('POST', '/v1/poll', { json: { channel: 'ask', wait: '10s' } })
  const reply = (json: object) => node.call('POST', `/v1/leases/${held.lease}/0/reply`, { json })
  const [first, again] = [await reply({ body: { count: 7 } }), await reply({ body: 'other' })]
  expect([first.status, first.json.state, again.json.id]).toEqual([201, 'queued', first.json.id])
  await node.call('POST', `/v1/leases/${held.lease}/0/ack`)
  expect((await replied).body).toEqual({ count: 7 })
  expect((await reply({})).json.code).toBe('REQUEST_BAD')

  await node.queue.sendMessage('plain', { channel: 'plain' })
  const { json: plain } = await node.call('POST', '/v1/poll', { json: { channel: 'plain', wait: '10s' } })
  const refused = await node.call('POST', `/v1/leases/${plain.lease}/0/reply`, { json: { body: 'x' } })
  expect([refused.status, refused.json.code]).toEqual([409, 'REPLY_UNWANTED'])
})
