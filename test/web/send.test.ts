import { afterEach, describe, expect, test } from 'vitest'
import { closeAll, desk } from './desk.ts'

afterEach(closeAll)

async function bodiesIn(node: Awaited<ReturnType<typeof desk>>, channel = 'common') {
  const messages = await node.queue.poll({ channel, max: 100, wait: '5s' })
  await Promise.all(messages.map(message => message.ack()))
  return messages
}

describe('POST /v1/messages', () => {
  test('a text, a JSON value and bytes come to a consumer as what they were', async () => {
    const node = await desk()
    for (const json of [{ body: 'größe' }, { body: { n: [1, null] } }, { bodyBase64: '//4A' }, { body: null }]) {
      const { status, json: receipt } = await node.call('POST', '/v1/messages', { json })
      expect([status, receipt]).toEqual([201, { id: expect.any(String), state: 'queued', durability: 'synced' }])
    }
    const got: unknown[] = []
    while (got.length < 4) got.push(...(await bodiesIn(node)).map(message => message.body))
    expect(got).toEqual(['größe', { n: [1, null] }, Buffer.from([0xff, 0xfe, 0]), null])
  })

  test('what the library can say with a message can be said here', async () => {
    const node = await desk()
    const json = { body: 'x', channel: 'größe/1', id: 'order-1', priority: 9, headers: { Trace: 'a\nb' }, ttl: '1h' }
    expect((await node.call('POST', '/v1/messages', { json })).json.id).toBe('order-1')
    const [message] = await bodiesIn(node, 'größe/1')
    expect(message).toMatchObject({ id: 'order-1', channel: 'größe/1', priority: 9, headers: { Trace: 'a\nb' } })
    expect(message!.expiresAt! - message!.sentAt).toBe(3_600_000)
  })

  test('the same Idempotency-Key twice delivers once, with and without the quotes of the standard', async () => {
    const node = await desk()
    const ids: string[] = []
    for (const key of ['"pay-7"', 'pay-7']) {
      const answer = await node.call('POST', '/v1/messages', { json: { body: 1 }, headers: { 'idempotency-key': key } })
      ids.push(answer.json.id)
    }
    await node.call('POST', '/v1/messages', { json: { body: 2 } })
    expect(ids).toEqual(['pay-7', 'pay-7'])
    const got: unknown[] = []
    while (!got.includes(2)) got.push(...(await bodiesIn(node)).map(message => message.body))
    expect(got).toEqual([1, 2])
  })

  test.each([
    [{ body: 1, chanel: 'x' }, 400, 'REQUEST_BAD', 'body has no "chanel": did you mean channel?'],
    [{}, 400, 'REQUEST_BAD', 'give either body or bodyBase64'],
    [{ body: 1, bodyBase64: '' }, 400, 'REQUEST_BAD', 'give either body or bodyBase64'],
    [{ bodyBase64: 'a' }, 400, 'REQUEST_BAD', 'bodyBase64 must be base64'],
    [{ body: 1, priority: 10 }, 400, 'REQUEST_BAD', 'body/priority'],
    [{ body: 1, ttl: 'soon' }, 400, 'REQUEST_BAD', 'ttl must be'],
    [{ body: 1, channel: 'a\u0000' }, 400, 'REQUEST_BAD', 'control characters'],
    [{ body: 1, headers: { a: 1 } }, 400, 'REQUEST_BAD', 'body/headers/a must be string'],
    [{ body: 1, to: 'tokio' }, 404, 'PEER_UNKNOWN', 'did you mean tokyo?'],
    [{ body: 'x'.repeat(2_000) }, 413, 'MESSAGE_TOO_LARGE', 'messageBytesMax']
  ])('%o is refused with a problem that says why', async (json, status, code, detail) => {
    const node = await desk({ limits: { messageBytesMax: 1_024 } })
    const answer = await node.call('POST', '/v1/messages', { json })
    expect(answer).toMatchObject({ status, json: { status, code, type: `urn:dropr:error:${code}` } })
    expect(answer.json.detail).toContain(detail)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json).toMatchObject({ hint: expect.any(String), retry: false, requestId: expect.any(String) })
    expect(await node.queue.peek({ max: 10 })).toEqual([])
  })

  test('what is no JSON, is packed, poisoned or of another type is refused before anything is done', async () => {
    const node = await desk()
    const post = (body: string, headers: Record<string, string>) => node.call('POST', '/v1/messages', { body, headers })
    const json = { 'content-type': 'application/json' }
    expect((await post('{', json)).json).toMatchObject({ status: 400, code: 'REQUEST_BAD' })
    expect((await post('{"body":{"__proto__":1}}', json)).json.detail).toContain('__proto__')
    expect((await post(`${'['.repeat(70)}1${']'.repeat(70)}`, json)).json.detail).toContain('deeper')
    expect((await post('{"body":1}', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post('{"body":1}', { ...json, 'content-encoding': 'gzip' })).status).toBe(415)
    expect((await post('{"body":1}', { ...json, origin: 'https://evil.example' })).json).toMatchObject({ status: 403 })
    expect((await post('{"body":1}', { ...json, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await post('{"body":1}', { ...json, host: 'evil.example' })).status).toBe(421)
    expect(await node.queue.peek({ max: 10 })).toEqual([])
  })
})

describe('POST /v1/messages/batch', () => {
  test('several are sent in order, each answered for itself', async () => {
    const node = await desk()
    const messages = [{ body: 'a' }, { body: 'b', to: 'nobody' }, { body: 'c', id: 'mine' }, { channel: 'x' }]
    const { status, json } = await node.call('POST', '/v1/messages/batch', { json: { messages } })
    expect(status).toBe(404)
    expect(json).toMatchObject({
      code: 'PEER_UNKNOWN',
      results: [{ state: 'queued' }, { code: 'PEER_UNKNOWN' }, { id: 'mine' }, { code: 'REQUEST_BAD', status: 400 }]
    })
    expect((await bodiesIn(node)).map(message => message.body)).toEqual(['a', 'c'])
  })

  test('A12: a batch in which one id stands twice for the same node is refused as a whole, and none of it is sent', async () => {
    const node = await desk()
    const batch = (...messages: object[]) => node.call('POST', '/v1/messages/batch', { json: { messages } })
    for (const again of [{}, { to: 'berlin' }, { to: ['paris', 'berlin'] }])
      expect(await batch({ body: 'a', id: 'x' }, { body: 'b' }, { body: 'c', id: 'x', ...again })).toMatchObject({
        status: 400,
        json: {
          code: 'ID_REPEATED',
          detail: expect.stringContaining('messages 0 and 2 of the batch have the same id')
        }
      })
    expect((await node.queue.status('x')).state).toBe('unknown')
    // One id on its way to two nodes is one message for two.
    expect((await batch({ body: 'a', id: 'x', to: 'tokyo' }, { body: 'a', id: 'x', to: 'paris' })).status).toBe(201)
    // One in two channels is two messages.
    expect((await batch({ body: 4, id: 'x' }, { body: 5, id: 'x', channel: 'other' })).status).toBe(201)
    expect((await bodiesIn(node, 'other')).map(({ body }) => body)).toEqual([5])
  })

  test('a batch with an Idempotency-Key can be sent again: each is there once', async () => {
    const node = await desk()
    const json = { messages: Array.from({ length: 200 }, (_, i) => ({ body: i })) }
    for (let i = 0; i < 2; i++) {
      const answer = await node.call('POST', '/v1/messages/batch', { json, headers: { 'idempotency-key': 'night' } })
      expect([answer.status, answer.json.results[199].id]).toEqual([201, 'night-199'])
    }
    await node.queue.sendMessage('end')
    const got: unknown[] = []
    while (!got.includes('end')) got.push(...(await bodiesIn(node)).map(message => message.body))
    expect(got).toEqual([...Array.from({ length: 200 }, (_, i) => i), 'end'])
  })
})

describe('PUT /v1/queues/{channel}', () => {
  test.each([
    ['text/plain; charset=utf-8', 'text', 'hé'],
    ['application/json', 'json', '{"a": 1e400}'],
    ['application/vnd.shop+json', 'json', '[]'],
    ['application/octet-stream', 'bytes', 'hé'],
    [undefined, 'bytes', ''],
    ['application/x-www-form-urlencoded', 'bytes', 'a=b']
  ])('a body of type %s is kept byte for byte, as %s', async (type, kind, body) => {
    const node = await desk()
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    expect((await node.call('PUT', '/v1/queues/c', { body, headers })).status).toBe(201)
    const [message] = await bodiesIn(node, 'c')
    expect([message!.kind, message!.bytes().toString()]).toEqual([kind, body])
  })

  test('headers say the rest, and any text fits into them', async () => {
    const node = await desk()
    const headers = {
      'dropr-priority': '7',
      'dropr-ttl': '5m',
      'dropr-header-trace': '100%25 gr%C3%B6%C3%9Fe%0A',
      'dropr-header-%41': 'upper',
      'idempotency-key': 'k%C3%A4se'
    }
    const answer = await node.call('PUT', '/v1/queues/gr%C3%B6%C3%9Fe%2F%3F', { body: 'x', headers })
    expect(answer.json.id).toBe('käse')
    const [message] = await bodiesIn(node, 'größe/?')
    expect(message).toMatchObject({ priority: 7, id: 'käse', headers: { trace: '100% größe\n', A: 'upper' } })
  })

  test('a channel of 120 bytes, all of them encoded, has its path', async () => {
    const node = await desk()
    const channel = '€'.repeat(40)
    expect((await node.call('PUT', `/v1/queues/${encodeURIComponent(channel)}`, { body: 'x' })).status).toBe(201)
    expect(await bodiesIn(node, channel)).toHaveLength(1)
  })

  test.each([
    [{ 'dropr-heder-a': 'x' }, 'there is no header dropr-heder-a'],
    [{ 'dropr-header-a': '50%' }, 'write % as %25'],
    [{ 'dropr-header-a': '%FF' }, 'must be UTF-8'],
    [{ 'dropr-priority': 'high' }, 'dropr-priority must be a whole number'],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, 'must not be a form'],
    [{ 'content-type': 'application/json' }, 'not JSON']
  ])('%o is refused', async (headers, detail) => {
    const node = await desk()
    const answer = await node.call('PUT', '/v1/queues/c', {
      body: '{',
      headers: headers as unknown as Record<string, string>
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(JSON.stringify(answer.json)).toContain(detail)
    expect(await node.queue.peek({ channel: 'c' })).toEqual([])
  })

  test('a body above messageBytesMax is refused where there are no large ones, whether its length was said or not', async () => {
    const node = await desk({ limits: { messageBytesMax: 1_024, blobBytesMax: 0 } })
    const body = Buffer.alloc(1_025)
    expect((await node.call('PUT', '/v1/queues/c', { body })).json).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      status: 413
    })
    async function* chunks() {
      for (let i = 0; i < 5; i++) yield body.subarray(0, 205)
    }
    const answer = await fetch(`${node.url}/v1/queues/c`, {
      method: 'PUT',
      body: ReadableStream.from(chunks()),
      duplex: 'half'
    } as RequestInit)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([413, 'MESSAGE_TOO_LARGE'])
    expect((await node.call('PUT', '/v1/queues/c', { body: body.subarray(0, 1_024) })).status).toBe(201)
  })
})
