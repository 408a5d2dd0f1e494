import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { closeAll, desk, settled } from './desk.ts'

afterEach(closeAll)

describe('GET /v1/queues/{channel}', () => {
  test('PUT then GET gives the body back, with everything else in headers; empty is a 404', async () => {
    const node = await desk()
    const body = Buffer.from([0, 255, 10])
    const headers = { 'dropr-header-trace': 'gr%C3%BCn', 'dropr-priority': '9', 'dropr-ttl': '1h' }
    const { json } = await node.call('PUT', '/v1/queues/o%2Fne', { body, headers })
    const got = await fetch(`${node.url}/v1/queues/o%2Fne?wait=10s&lease=30s`)
    expect(Buffer.from(await got.arrayBuffer())).toEqual(body)
    const header = (name: string) => got.headers.get(name)
    expect(got.status).toBe(200)
    expect(header('content-type')).toBe('application/octet-stream')
    expect(header('dropr-id')).toBe(json.id)
    expect(header('dropr-channel')).toBe('o/ne')
    expect(['priority', 'attempt', 'deliveries', 'from'].map(name => header(`dropr-${name}`))).toEqual([
      '9',
      '1',
      '1',
      'berlin'
    ])
    expect(header('dropr-header-trace')).toBe('gr%C3%BCn')
    expect(header('dropr-lease')).toMatch(/^[\w-]{22}$/)
    expect(Number(header('dropr-lease-until')) - Date.now()).toBeGreaterThan(20_000)
    expect(header('x-content-type-options')).toBe('nosniff')
    const empty = await node.call('GET', '/v1/queues/o%2Fne')
    expect(empty).toMatchObject({ status: 404, json: { code: 'CHANNEL_EMPTY', retry: true } })
  })

  test('what is not acknowledged comes again once its lease is over, and the verdict on the first is refused', async () => {
    const node = await desk()
    await node.call('PUT', '/v1/queues/c', { body: 'x' })
    const first = await node.call('GET', '/v1/queues/c?wait=10s&lease=300')
    const second = await node.call('GET', '/v1/queues/c?wait=10s')
    expect([second.text, second.headers['dropr-deliveries'], second.headers['dropr-attempt']]).toEqual(['x', '2', '2'])
    const ack = (lease: unknown) => node.call('POST', `/v1/leases/${String(lease)}/0/ack`)
    expect(await ack(first.headers['dropr-lease'])).toMatchObject({ status: 409, json: { code: 'LEASE_LOST' } })
    expect((await ack(second.headers['dropr-lease'])).status).toBe(204)
    await settled(node, 'c', { pending: 0, leased: 0, done: 1 })
  })

  test('a long poll gets what comes while it waits', async () => {
    const node = await desk()
    const polling = node.call('GET', '/v1/queues/c?wait=20s')
    await node.call('PUT', '/v1/queues/c', { body: 'late', headers: { 'content-type': 'text/plain' } })
    expect(await polling).toMatchObject({ status: 200, text: 'late' })
  })

  test('a long poll outlasts the time-out of a silent socket', async () => {
    const node = await desk({ limits: { stallMsMax: 200, answerMsMax: 200 } })
    expect((await node.call('GET', '/v1/queues/c?wait=1s')).status).toBe(404)
  })

  test('who goes away while waiting takes nothing along', async () => {
    const node = await desk()
    const gone = new AbortController()
    const polling = node.call('GET', '/v1/queues/c?wait=60s', { signal: gone.signal }).catch(() => 'gone')
    await expect.poll(() => node.server.status().depth).toBe(0)
    const second = node.call('GET', '/v1/queues/c?wait=20s')
    gone.abort()
    expect(await polling).toBe('gone')
    // Whichever of the two asked first: the one that is still there gets it, at its first delivery or after a release.
    await node.call('PUT', '/v1/queues/c', { body: 'x' })
    expect(await second).toMatchObject({ status: 200, text: 'x', headers: { 'dropr-attempt': '1' } })
  })

  test('who went away before its answer was out gives the message back', async () => {
    // More than any socket takes before somebody reads.
    const node = await desk({ limits: { messageBytesMax: 16_777_216 } })
    await node.call('PUT', '/v1/queues/c', { body: Buffer.alloc(16_777_216) })
    await settled(node, 'c', { pending: 1 })
    for (let i = 0; i < 5; i++) {
      const socket = connect(Number(new URL(node.url).port), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write('GET /v1/queues/c?lease=1h HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await new Promise(resolve => socket.once('connect', resolve))
      await new Promise(resolve => setImmediate(resolve))
      socket.resetAndDestroy()
    }
    const again = await node.call('GET', '/v1/queues/c?wait=10s')
    expect([again.status, again.headers['dropr-attempt']]).toEqual([200, '1'])
  })

  test('closing ends long polls at once', async () => {
    const node = await desk()
    const polling = node.call('GET', '/v1/queues/c?wait=60s')
    await node.call('GET', '/v1/status')
    await node.close()
    expect(await polling).toMatchObject({ status: 503, json: { code: 'CLOSED' } })
  })

  test('more than half of the connections do not wait: the others are told so', async () => {
    const node = await desk({ limits: { serverConnectionsMax: 4 } })
    const polls = Array.from({ length: 3 }, () => node.call('GET', '/v1/queues/c?wait=2s'))
    const statuses = (await Promise.all(polls)).map(answer => answer.status)
    expect(statuses.sort((a, b) => a - b)).toEqual([404, 404, 503])
  })

  test('headers that would not fit are left out, and the answer says how many', async () => {
    const node = await desk()
    await node.queue.sendMessage('x', { headers: { a: 'b', long: 'ü'.repeat(2_000) } })
    const { headers } = await node.call('GET', '/v1/queues/common?wait=10s')
    expect([headers['dropr-header-a'], headers['dropr-headers-left-out']]).toEqual(['b', '1'])
  })
})

describe('POST /v1/poll', () => {
  test('messages of several channels come under one lease, as what they were', async () => {
    const node = await desk()
    await node.queue.sendMessage('größe', { channel: 'a', headers: { X: 'y' } })
    await node.queue.sendMessage(Buffer.from('{"n": 12345678901234567890}'), { channel: 'b', kind: 'json' })
    await node.queue.sendMessage(Buffer.from([255]), { channel: 'c' })
    for (const channel of ['a', 'b', 'c']) await settled(node, channel, { pending: 1 })
    const { text, json } = await node.call('POST', '/v1/poll', { json: { channels: ['a', 'b', 'c'], max: 10 } })
    expect(json.messages).toHaveLength(3)
    expect(json.messages.map((message: { position: number }) => message.position)).toEqual([0, 1, 2])
    const of = (channel: string) => json.messages.find((message: { channel: string }) => message.channel === channel)
    expect(of('a')).toMatchObject({ kind: 'text', body: 'größe', headers: { X: 'y' }, from: 'berlin', attempt: 1 })
    expect(text).toContain('"body":{"n": 12345678901234567890}')
    expect(of('c')).toMatchObject({ kind: 'bytes', bodyBase64: '/w==' })
    const verdicts = [0, 1, 2].map(position => ({ lease: json.lease, position, verdict: 'ack' }))
    expect(await node.call('POST', '/v1/settle', { json: { verdicts } })).toMatchObject({
      status: 200,
      json: { results: [{ verdict: 'ack' }, {}, {}] }
    })
    for (const channel of ['a', 'b', 'c']) await settled(node, channel, { done: 1, leased: 0 })
  })

  test('nothing there is an answer without a lease, with and without a body', async () => {
    const node = await desk()
    expect((await node.call('POST', '/v1/poll')).json).toEqual({ messages: [] })
    expect((await node.call('POST', '/v1/poll', { json: { wait: '1s' } })).json).toEqual({ messages: [] })
  })

  test.each([
    [{ max: 1_001 }, 'body/max'],
    [{ wait: '1h' }, 'wait must be from 0 to 600000 ms'],
    [{ lease: 1 }, 'lease must be'],
    [{ channel: 'a', channels: ['b'] }, 'exclude each other'],
    [{ lnger: 1 }, 'body has no "lnger"']
  ])('%o is refused', async (json, detail) => {
    const node = await desk()
    expect((await node.call('POST', '/v1/poll', { json })).json).toMatchObject({
      code: 'REQUEST_BAD',
      detail: expect.stringContaining(detail)
    })
  })
})

test('a channel that is paused over HTTP gives nothing until it is resumed', async () => {
  const node = await desk()
  await node.call('PUT', '/v1/queues/c', { body: 'x' })
  expect((await node.call('POST', '/v1/queues/c/pause')).json).toEqual({ changed: true })
  expect((await node.call('POST', '/v1/queues/c/pause')).json).toEqual({ changed: false })
  expect((await node.call('GET', '/v1/queues/c?wait=50')).status).toBe(404)
  expect(node.depths()).toMatchObject([{ channel: 'c', paused: true }])
  await node.call('POST', '/v1/queues/c/resume')
  expect((await node.call('GET', '/v1/queues/c?wait=10s')).text).toBe('x')
})

test('a key given in a header, or in JSON, is given back, and the next of it comes when the one before is done', async () => {
  const node = await desk()
  await node.call('PUT', '/v1/queues/c', { body: 'one', headers: { 'dropr-key': 'k%C3%BC' } })
  await node.call('POST', '/v1/messages', { json: { body: 'two', channel: 'c', key: 'kü' } })
  await settled(node, 'c', { pending: 2 })
  const first = await node.call('GET', '/v1/queues/c')
  expect([first.text, first.headers['dropr-key']]).toEqual(['one', 'k%C3%BC'])
  expect((await node.call('GET', '/v1/queues/c')).status).toBe(404)
  await node.call('POST', `/v1/leases/${String(first.headers['dropr-lease'])}/0/ack`)
  const { json } = await node.call('POST', '/v1/poll', { json: { channel: 'c' } })
  expect(json.messages).toMatchObject([{ body: 'two', key: 'kü' }])
})

test('a message that is held over HTTP stays until it is let go; of one that is not there that is said', async () => {
  const node = await desk()
  await node.call('POST', '/v1/messages', { json: { body: 'x', channel: 'c', id: 'größe/1' } })
  await settled(node, 'c', { pending: 1 })
  const id = encodeURIComponent('größe/1')
  expect((await node.call('POST', `/v1/messages/${id}/hold?channel=c`)).json).toEqual({ found: 1 })
  expect((await node.call('GET', '/v1/queues/c')).status).toBe(404)
  expect(node.depths()).toMatchObject([{ channel: 'c', held: 1 }])
  expect(await node.call('POST', '/v1/messages/nobody/hold')).toMatchObject({
    status: 404,
    json: { code: 'MESSAGE_UNKNOWN' }
  })
  await node.call('POST', `/v1/messages/${id}/unhold`)
  expect((await node.call('GET', '/v1/queues/c?wait=10s')).text).toBe('x')
})
