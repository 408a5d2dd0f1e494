import { afterEach, describe, expect, test } from 'vitest'
import { closeAll, countsOf, desk, settled } from './desk.ts'

afterEach(closeAll)

describe('verdicts', () => {
  async function held(count: number, lease = '60s') {
    const node = await desk({ limits: { attemptsMax: 2 } })
    for (let i = 0; i < count; i++) await node.queue.sendMessage(i, { channel: 'c' })
    await settled(node, 'c', { pending: count })
    const { json } = await node.call('POST', '/v1/poll', { json: { channel: 'c', max: count, lease } })
    const tell = (verdict: string, position = 0, said?: unknown) =>
      node.call('POST', `/v1/leases/${json.lease}/${position}/${verdict}`, said === undefined ? {} : { json: said })
    return { node, lease: json.lease as string, tell }
  }

  test('each of the four does what it says', async () => {
    const { node, tell } = await held(4)
    expect((await tell('ack', 0, { result: { ok: true } })).status).toBe(204)
    expect((await tell('retry', 1, { after: '1h', reason: 'later' })).status).toBe(204)
    expect((await tell('release', 2)).status).toBe(204)
    expect((await tell('reject', 3, { reason: 'never' })).status).toBe(204)
    await settled(node, 'c', { done: 1, delayed: 1, pending: 1, dead: 1, leased: 0 })
  })

  test('a type with an empty body says nothing: where nothing need be said it is taken, elsewhere it is a 400', async () => {
    const { node, lease } = await held(1)
    const headers = { 'content-type': 'application/json', 'content-length': '0' }
    expect(await node.call('POST', '/v1/messages', { headers, body: '' })).toMatchObject({
      status: 400,
      json: { code: 'REQUEST_BAD' }
    })
    const path = `/v1/leases/${lease}/0/ack`
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' }
    expect((await node.call('POST', path, { headers: form, body: '' })).status).toBe(204)
    await settled(node, 'c', { done: 1, leased: 0 })
  })

  test('the same verdict again gets the same answer, another one is too late', async () => {
    const { tell } = await held(1)
    expect([(await tell('ack')).status, (await tell('ack')).status]).toEqual([204, 204])
    expect(await tell('retry')).toMatchObject({ status: 409, json: { code: 'LEASE_LOST' } })
  })

  test('where one of several verdicts fails, the answer is a problem that tells all of them apart', async () => {
    const { node, lease } = await held(2)
    const verdicts = [
      { lease, position: 0, verdict: 'ack' },
      { lease: 'A'.repeat(22), position: 0, verdict: 'ack' },
      { lease, position: 7, verdict: 'ack' }
    ]
    const answer = await node.call('POST', '/v1/settle', { json: { verdicts } })
    expect(answer).toMatchObject({
      status: 409,
      json: { code: 'LEASE_LOST', results: [{ verdict: 'ack' }, { code: 'LEASE_LOST' }, { code: 'REQUEST_BAD' }] }
    })
    await settled(node, 'c', { done: 1, leased: 1 })
  })

  test.each([
    ['ack', { reason: 'x' }, 'ack has no option "reason"'],
    ['reject', undefined, 'reject takes a reason'],
    ['retry', { after: 'x' }, 'after must be'],
    ['forget', undefined, 'params/verdict']
  ])('%s with %o is refused, and the message is held as before', async (verdict, said, detail) => {
    const { node, tell } = await held(1)
    expect(await tell(verdict, 0, said)).toMatchObject({
      status: 400,
      json: { detail: expect.stringContaining(detail) }
    })
    expect(countsOf(node, 'c').leased).toBe(1)
  })

  test('a lease that is extended outlasts its first length, also after some verdicts', async () => {
    const { node, lease, tell } = await held(2, '1s')
    expect((await tell('ack', 0)).status).toBe(204)
    const { status, json } = await node.call('POST', `/v1/leases/${lease}/extend`, { json: { lease: '1h' } })
    expect([status, json.leaseUntil > Date.now() + 3_000_000]).toEqual([200, true])
    // Another lease of the same first length ends meanwhile.
    await node.queue.sendMessage('other', { channel: 'd' })
    await node.call('GET', '/v1/queues/d?wait=10s&lease=1s')
    expect((await node.call('GET', '/v1/queues/d?wait=10s')).status).toBe(200)
    expect((await tell('ack', 1)).status).toBe(204)
    expect((await node.call('POST', `/v1/leases/${lease}/extend`)).status).toBe(409)
  })

  test('over a restart what was held comes back, uncounted, and its old token is worth nothing', async () => {
    const { node, tell } = await held(1)
    await node.close()
    const next = await desk({ path: node.folder })
    const again = await next.call('GET', '/v1/queues/c?wait=10s')
    expect([again.text, again.headers['dropr-attempt'], again.headers['dropr-deliveries']]).toEqual(['0', '1', '2'])
    await expect(tell('ack')).rejects.toThrow()
    const lost = await next.call('POST', `/v1/leases/${'A'.repeat(22)}/0/ack`)
    expect(lost).toMatchObject({ status: 409, json: { code: 'LEASE_LOST', retry: false } })
  })
})

describe('looking', () => {
  test('a peek, however often, leaves depth, leases and deliveries as they are', async () => {
    const node = await desk()
    for (const body of ['a', { b: 1 }, 'c']) await node.queue.sendMessage(body, { channel: 'c', headers: { h: 'v' } })
    await settled(node, 'c', { pending: 3 })
    for (let i = 0; i < 5; i++) {
      const { json } = await node.call('GET', '/v1/queues/c/peek?max=2')
      expect(json.messages).toMatchObject([
        { body: 'a', deliveries: 0, attempt: 1, headers: { h: 'v' } },
        { body: { b: 1 } }
      ])
      expect(json.messages).toHaveLength(2)
    }
    expect(countsOf(node, 'c')).toMatchObject({ pending: 3, leased: 0 })
    expect((await node.call('GET', '/v1/queues/c')).headers['dropr-deliveries']).toBe('1')
    expect((await node.call('GET', '/v1/queues/nowhere/peek')).json).toEqual({ messages: [] })
    expect((await node.call('GET', '/v1/queues/c/peek?max=x')).status).toBe(400)
    expect((await node.call('GET', '/v1/queues/c/peek?mx=1')).json.detail).toBe('query has no "mx": did you mean max?')
  })

  test('the status names channels with their depths, and peers', async () => {
    const node = await desk()
    await node.queue.sendMessage('a', { channel: 'größe' })
    await settled(node, 'größe', { pending: 1 })
    const { json } = await node.call('GET', '/v1/status')
    expect(json).toMatchObject({
      node: 'berlin',
      channels: [{ channel: 'größe', pending: 1, leased: 0 }],
      peers: [{ name: 'tokyo' }, { name: 'paris' }]
    })
  })
})
