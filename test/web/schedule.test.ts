import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Scheduler } from '../../src/scheduler/index.ts'
import { closeAll, type Desk, desk } from './desk.ts'

afterEach(closeAll)

const DUE = '2099-12-24T18:00:00.000Z'
const DUE_MS = Date.parse(DUE)

const hold = (node: Desk, id: string, more: object = {}) =>
  node.call('POST', '/v1/messages', { json: { body: id, id, deliverAt: DUE, ...more } })

const idsOf = (page: { messages: { id: string }[] }) => page.messages.map(({ id }) => id)

describe('sending for later', () => {
  test('H1: a message, one of a batch and a raw body are held, and the receipts say until when', async () => {
    const node = await desk()
    const one = await hold(node, 'one')
    const messages = [{ body: 'now' }, { body: 2, id: 'two', deliverAt: DUE_MS }]
    const many = await node.call('POST', '/v1/messages/batch', { json: { messages } })
    const headers = { 'content-type': 'text/plain', 'dropr-deliver-at': '2099-12-24 19:00', 'idempotency-key': 'three' }
    const raw = await node.call('PUT', '/v1/queues/c', { body: 'raw', headers })
    expect([one.status, many.status, raw.status]).toEqual([201, 201, 201])
    expect(one.json).toEqual({ id: 'one', state: 'scheduled', durability: 'synced', dueAt: DUE })
    expect(many.json.results).toMatchObject([{ state: 'queued' }, { id: 'two', state: 'scheduled', dueAt: DUE }])
    expect(raw.json).toMatchObject({ id: 'three', state: 'scheduled', dueAt: DUE })
    const { json } = await node.call('GET', '/v1/schedule')
    expect(idsOf(json).sort()).toEqual(['one', 'three', 'two'])
    expect((await node.queue.poll({ max: 10, wait: '5s' })).map(({ body }) => body)).toEqual(['now'])
  })

  test('a delay counts from now, with digits as milliseconds', async () => {
    const node = await desk()
    for (const delay of ['1h', '3600000']) {
      const before = Date.now()
      const { json } = await node.call('PUT', '/v1/queues/c', { body: '', headers: { 'dropr-delay': delay } })
      const late = Date.parse(json.dueAt) - before - 3_600_000
      expect(late).toBeGreaterThanOrEqual(0)
      expect(late).toBeLessThan(60_000)
    }
  })

  test.each([
    [{ deliverAt: '2000-01-01T00:00:00Z', rejectPast: true }, 'DUE_PAST', '2000-01-01T00:00:00.000Z'],
    [{ deliverAt: 'some day' }, 'REQUEST_BAD', 'deliverAt must be a time'],
    [{ deliverAt: '2099-02-30' }, 'REQUEST_BAD', 'deliverAt must be a time'],
    [{ deliverAt: DUE, delay: '1h' }, 'REQUEST_BAD', 'exclude each other'],
    [{ deliverAt: DUE, rejectPast: 'yes' }, 'REQUEST_BAD', 'body/rejectPast'],
    [{ delay: 'soon' }, 'REQUEST_BAD', 'delay must be']
  ])('H14: %o is refused, and nothing is held', async (more, code, detail) => {
    const node = await desk()
    const answer = await hold(node, 'x', { deliverAt: undefined, ...more })
    expect(answer).toMatchObject({ status: 400, json: { code } })
    expect(answer.json.detail).toContain(detail)
    expect((await node.call('GET', '/v1/schedule')).json).toEqual({ messages: [] })
  })

  test('a header that says neither true nor false is refused', async () => {
    const node = await desk()
    const headers = { 'dropr-delay': '1h', 'dropr-reject-past': '1' }
    const answer = await node.call('PUT', '/v1/queues/c', { body: '', headers })
    expect(answer.json).toMatchObject({ status: 400, detail: 'dropr-reject-past must be true or false' })
  })
})

describe('GET /v1/schedule', () => {
  test('H20: pages come in due order, by time and by channel, and end', async () => {
    const node = await desk()
    for (const n of [3, 1, 2]) await hold(node, `m${n}`, { deliverAt: DUE_MS + n, channel: n === 2 ? 'b' : 'a' })
    const first = await node.call('GET', '/v1/schedule?limit=2')
    expect(idsOf(first.json)).toEqual(['m1', 'm2'])
    const second = await node.call('GET', `/v1/schedule?limit=2&after=${encodeURIComponent(first.json.next)}`)
    expect([idsOf(second.json), second.json.next]).toEqual([['m3'], undefined])
    expect(idsOf((await node.call('GET', '/v1/schedule?channel=b')).json)).toEqual(['m2'])
    const range = `from=${DUE_MS + 2}&to=${encodeURIComponent(new Date(DUE_MS + 3).toISOString())}`
    const [only] = (await node.call('GET', `/v1/schedule?${range}`)).json.messages
    expect(only).toMatchObject({ id: 'm2', to: 'berlin', channel: 'b', priority: 4, dueAt: DUE_MS + 2, bytes: 2 })
    const { json } = await node.call('GET', '/v1/schedule/forecast')
    expect(json.buckets).toMatchObject([{ level: 'day', messages: 3, from: DUE_MS + 1, to: DUE_MS + 3 }])
  })

  test.each(['limit=0', 'limit=1001', 'limit=x', 'after=x', 'from=later', 'form=1'])('%s is refused', async query => {
    const node = await desk()
    expect(await node.call('GET', `/v1/schedule?${query}`)).toMatchObject({
      status: 400,
      json: { code: 'REQUEST_BAD' }
    })
  })
})

describe('/v1/schedule/{id}', () => {
  test('bodies of all kinds are shown, under any id', async () => {
    const node = await desk()
    const id = '€'.repeat(85)
    const path = `/v1/schedule/${encodeURIComponent(id)}`
    await hold(node, id, { body: { n: [1] }, headers: { lang: 'de' } })
    expect((await node.call('GET', path)).json).toMatchObject({
      id,
      state: 'scheduled',
      messages: [{ body: { n: [1] } }]
    })
    expect((await node.call('PATCH', path, { json: { bodyBase64: '//4A' } })).status).toBe(200)
    expect((await node.call('GET', path)).json.messages).toMatchObject([{ kind: 'bytes', bodyBase64: '//4A' }])
    expect((await node.call('PATCH', path, { json: { body: 'tëxt' } })).status).toBe(200)
    expect((await node.call('GET', path)).json.messages).toMatchObject([{ kind: 'text', body: 'tëxt', dueAt: DUE_MS }])
    expect((await node.call('DELETE', path)).json).toEqual({ id, done: true, state: 'cancelled', dueAt: DUE_MS })
  })

  test('a message goes at its new time, and when it went nobody can change it', async () => {
    const node = await desk({ limits: { scanMs: 50 } })
    await hold(node, 'a')
    const moved = await node.call('PATCH', '/v1/schedule/a', { json: { delay: '30d' } })
    expect(moved.json).toMatchObject({ done: true, state: 'scheduled' })
    expect((await node.call('GET', '/v1/schedule/a')).json.messages[0].dueAt).toBe(moved.json.dueAt)
    expect((await node.call('POST', '/v1/schedule/a/now')).json).toMatchObject({ done: true, state: 'fired' })
    const message = await node.queue.poll({ wait: '10s' })
    expect(message).toMatchObject({ id: 'a', body: 'a', headers: { 'dropr-due-at': expect.any(String) } })
  })

  test('a change takes a time and a body together', async () => {
    const node = await desk()
    await hold(node, 'a')
    const deliverAt = new Date(DUE_MS + 1_000).toISOString()
    const { status, json } = await node.call('PATCH', '/v1/schedule/a', { json: { deliverAt, body: { n: 1 } } })
    expect([status, json]).toEqual([200, { id: 'a', done: true, state: 'scheduled', dueAt: DUE_MS + 1_000 }])
    expect((await node.call('GET', '/v1/schedule/a')).json.messages).toMatchObject([
      { dueAt: DUE_MS + 1_000, kind: 'json', body: { n: 1 } }
    ])
  })

  test('an id that nobody knows is a 404, whatever is wished', async () => {
    const node = await desk()
    const unknown = { status: 404, json: { code: 'DUE_UNKNOWN', retry: false } }
    const path = '/v1/schedule/nobody'
    expect(await node.call('GET', path)).toMatchObject(unknown)
    expect(await node.call('DELETE', path)).toMatchObject(unknown)
    expect(await node.call('POST', `${path}/now`)).toMatchObject(unknown)
    expect(await node.call('PATCH', path, { json: { delay: 1 } })).toMatchObject(unknown)
    expect((await node.call('DELETE', `/v1/schedule/${'x'.repeat(256)}`)).status).toBe(400)
  })

  test('beside a scheduler the same wish twice is answered twice, and one that came too late is a 409', async () => {
    const node = await desk()
    const scheduler = await Scheduler.start({ spool: node.spool })
    try {
      await hold(node, 'a')
      await hold(node, 'b')
      const late = (id: string, state: string) => ({ status: 409, json: { code: 'DUE_GONE', id, done: false, state } })
      for (let i = 0; i < 2; i++)
        expect(await node.call('DELETE', '/v1/schedule/a')).toMatchObject({ status: 200, json: { state: 'cancelled' } })
      expect(await node.call('GET', '/v1/schedule/a')).toMatchObject({ json: { state: 'cancelled', messages: [] } })
      expect(await node.call('PATCH', '/v1/schedule/a', { json: { delay: 1 } })).toMatchObject(late('a', 'cancelled'))
      expect(await node.call('POST', '/v1/schedule/a/now')).toMatchObject(late('a', 'cancelled'))
      for (let i = 0; i < 2; i++)
        expect(await node.call('POST', '/v1/schedule/b/now')).toMatchObject({ status: 200, json: { state: 'fired' } })
      expect(await node.call('PATCH', '/v1/schedule/b', { json: { body: 1 } })).toMatchObject(late('b', 'fired'))
      expect(await node.call('DELETE', '/v1/schedule/b')).toMatchObject(late('b', 'fired'))
    } finally {
      await scheduler.close()
    }
  })

  test.each([
    {},
    { rejectPast: true },
    { bodyBase64: 'eA==', body: 1 },
    { deliverAt: DUE, delay: 1 },
    { body: 'x', to: 'paris' }
  ])('a change %o is refused', async json => {
    const node = await desk()
    await hold(node, 'a')
    expect((await node.call('PATCH', '/v1/schedule/a', { json })).status).toBe(400)
    expect((await node.call('GET', '/v1/schedule/a')).json.messages).toMatchObject([{ body: 'a', dueAt: DUE_MS }])
  })

  test('a time that has passed is refused where that is asked for', async () => {
    const node = await desk()
    await hold(node, 'a')
    const json = { deliverAt: '2000-01-01', rejectPast: true }
    expect((await node.call('PATCH', '/v1/schedule/a', { json })).json.code).toBe('DUE_PAST')
  })
})

describe('POST /v1/schedule/tick', () => {
  test('H14 H25: what is due, also since long ago, goes and is reported, the rest stays', async () => {
    const node = await desk({ limits: { scanMs: 50 } })
    await hold(node, 'late', { deliverAt: '2014-08-01 13:30:00' })
    await hold(node, 'later')
    const { status, json } = await node.call('POST', '/v1/schedule/tick')
    expect([status, json]).toEqual([
      200,
      {
        failed: [],
        fired: [
          {
            id: 'late',
            to: 'berlin',
            channel: 'common',
            dueAt: Date.UTC(2014, 7, 1, 11, 30),
            firedAt: expect.any(Number)
          }
        ]
      }
    ])
    expect((await node.queue.poll({ wait: '10s' }))!.headers).toMatchObject({
      'dropr-due-at': '2014-08-01T11:30:00.000Z'
    })
    expect((await node.call('POST', '/v1/schedule/tick')).json).toEqual({ fired: [], failed: [] })
    expect(idsOf((await node.call('GET', '/v1/schedule')).json)).toEqual(['later'])
  })

  test('H16 H25: one that cannot go makes the whole a problem of the server, which tells both sorts', async () => {
    const node = await desk({ limits: { scanMs: 50 } })
    await mkdir(join(node.folder, 'spool/outbox'), { recursive: true })
    await writeFile(join(node.folder, 'spool/outbox/tokyo'), 'in the way')
    await hold(node, 'stuck', { deliverAt: '2014-08-01', to: 'tokyo' })
    await hold(node, 'free', { deliverAt: '2014-08-01' })
    const { status, json, headers } = await node.call('POST', '/v1/schedule/tick')
    expect(status).toBeGreaterThanOrEqual(500)
    expect(headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(json).toMatchObject({
      status,
      code: expect.stringMatching(/^DISK_/),
      failed: [{ id: 'stuck', to: 'tokyo' }]
    })
    expect(idsOf({ messages: json.fired })).toEqual(['free'])
    expect(JSON.stringify(json)).not.toContain(node.folder)
    expect(idsOf((await node.call('GET', '/v1/schedule')).json)).toEqual(['stuck'])
  })

  test('a page from elsewhere can neither steer nor fire', async () => {
    const node = await desk()
    await hold(node, 'a')
    const headers = { origin: 'https://evil.example' }
    for (const [method, path] of [
      ['DELETE', '/v1/schedule/a'],
      ['PATCH', '/v1/schedule/a'],
      ['POST', '/v1/schedule/a/now'],
      ['POST', '/v1/schedule/tick'],
      ['GET', '/v1/schedule']
    ] as const)
      expect((await node.call(method, path, { headers })).status, `${method} ${path}`).toBe(403)
    expect(idsOf((await node.call('GET', '/v1/schedule')).json)).toEqual(['a'])
  })
})
