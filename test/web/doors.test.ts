import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openapiText } from '../../docs/openapi.ts'
import { tokenDigest } from '../../src/wire/token.ts'
import { closeAll, desk } from './desk.ts'

afterEach(closeAll)

const digest = (token: string) => tokenDigest(token).toString('hex')

test('SEC-8: with accepted peers only the token of this node itself opens the doors', async () => {
  const accept = new Map([
    ['berlin', digest('mine-mine-mine-mine')],
    ['tokyo', digest('theirs-theirs-theirs')]
  ])
  const node = await desk({ accept })
  const paths = ['/v1/queues/c', '/v1/queues/c/peek', '/v1/status', '/v1/openapi.json']
  for (const path of paths) {
    const ask = (token?: string) =>
      node.call('GET', path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
    expect(await ask()).toMatchObject({
      status: 401,
      json: { code: 'PEER_FORBIDDEN' },
      headers: { 'www-authenticate': 'Bearer' }
    })
    expect((await ask('wrong-wrong-wrong-wrong')).status).toBe(401)
    expect((await ask('theirs-theirs-theirs')).status).toBe(401)
    expect((await ask('mine-mine-mine-mine')).status).not.toBe(401)
  }
  expect((await node.call('POST', '/v1/messages', { json: { body: 1 } })).status).toBe(401)
  expect(await node.queue.peek()).toEqual([])
})

test('SEC-5 SEC-6: a page from elsewhere can neither send nor take', async () => {
  const node = await desk()
  await node.queue.sendMessage('x')
  const foreign = [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }
  ]
  for (const headers of foreign) {
    expect(
      (await node.call('GET', '/v1/queues/common?wait=1s', { headers: headers as Record<string, string> })).status
    ).toBe(403)
    expect(
      (await node.call('PUT', '/v1/queues/common', { body: '', headers: headers as Record<string, string> })).status
    ).toBe(403)
  }
  expect((await node.call('GET', '/v1/queues/common', { headers: { host: 'evil.example' } })).status).toBe(421)
})

test('other paths and methods are problems, and a HEAD takes nothing', async () => {
  const node = await desk()
  await node.queue.sendMessage('x')
  expect(await node.call('GET', '/v1/nothing')).toMatchObject({ status: 404, json: { code: 'REQUEST_BAD' } })
  expect(await node.call('DELETE', '/v1/queues/c')).toMatchObject({ status: 405, headers: { allow: 'PUT, GET' } })
  expect((await node.call('HEAD', '/v1/queues/common')).status).toBe(405)
  expect((await node.call('GET', '/v1/queues/%E0%A4%A')).status).toBe(400)
  expect((await node.call('GET', '/v1/messages')).headers.allow).toBe('POST')
  const { headers } = await node.call('GET', '/v1/queues/common?wait=10s')
  expect(headers['dropr-deliveries']).toBe('1')
})

test('SEC-2 SEC-30: names that objects inherit are names like others', async () => {
  const node = await desk()
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const answer = await node.call('PUT', `/v1/queues/${name}`, {
      body: 'x',
      headers: { [`dropr-header-${name}`]: 'v' }
    })
    expect(answer.status).toBe(201)
    const got = await node.call('GET', `/v1/queues/${name}?wait=10s`)
    expect([got.text, got.headers[`dropr-header-${name.toLowerCase()}`]]).toEqual(['x', 'v'])
  }
  expect((await node.call('POST', '/v1/leases/__proto__/0/ack')).status).toBe(409)
})

test('docs/openapi.json is what the routes say, and the server gives the same', async () => {
  const written = readFileSync(path.resolve(import.meta.dirname, '../../docs/openapi.json'), 'utf8')
  expect(written, 'run `npm run docs`').toBe(openapiText())
  const node = await desk()
  expect((await node.call('GET', '/v1/openapi.json')).json).toEqual(JSON.parse(written))
})
