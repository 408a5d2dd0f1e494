import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { tokenDigest } from '../../src/wire/token.ts'
import { closeAll, type Desk, desk } from './desk.ts'
import { CURLS, shell } from './shell.ts'

afterEach(closeAll)

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const psched = () => desk({ compat: { psched: true }, limits: { scanMs: 50 } })

const post = (node: Desk, path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  node.call('POST', path, { body: new URLSearchParams(fields).toString(), headers: { ...FORM, ...headers } })

describe.each(CURLS)('with %s', curl => {
  test('H2 H24: the curl lines of the ancestors post: now, and when it is time', async () => {
    const node = await psched()
    const script = `
      curl --data "username=Curl&message=I'm scheduling a message!&time=2014-08-01 13:30:00" ${node.url}/scheduleMessage.php
      echo
      curl ${node.url}/cron/checkScheduledMessages.php
      echo
      curl --data "username=Curl&message=I'm posting a message!" ${node.url}/postMessage.php`
    const printed = await shell(curl, script, node.folder)
    const [scheduled, checked, posted] = printed
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(scheduled).toMatchObject({
      received: { username: 'Curl', message: "I'm scheduling a message!", time: '2014-08-01 13:30:00' },
      result: 'Success',
      externalResult: { state: 'scheduled', dueAt: '2014-08-01T11:30:00.000Z' }
    })
    const { id } = scheduled.externalResult
    expect(checked).toMatchObject({
      result: 'Success',
      scheduledMessagesPosted: { [id]: { channel: 'feed', scheduledTime: '2014-08-01T11:30:00.000Z' } },
      externalResult: { [id]: { result: 'Success' } }
    })
    expect(posted).toMatchObject({ result: 'Success', received: { username: 'Curl' } })
    const feed = new Map<string, { sentAt: number; headers: Readonly<Record<string, string>>; body: unknown }>()
    while (feed.size < 2)
      for (const message of await node.queue.poll({ channel: 'feed', max: 2, wait: '10s' }))
        feed.set(message.id, message)
    expect(feed.get(id)).toMatchObject({
      body: "I'm scheduling a message!",
      headers: { poster: 'Curl', 'dropr-due-at': '2014-08-01T11:30:00.000Z' }
    })
    expect(feed.get(id)!.sentAt).toBe(Date.parse(checked.scheduledMessagesPosted[id].postedTime))
    expect(feed.get(posted.externalResult.id)).toMatchObject({ body: "I'm posting a message!" })
  })
})

test('texts arrive byte for byte', async () => {
  const node = await psched()
  const texts = ['x', '+', '%', '&', '%2B', 'a=b&c=d', '100%', '😀\r\n\u0000', ' ', '<script>', 'ä'.repeat(32_768)]
  for (const message of texts) {
    const { status, json } = await post(node, '/postMessage.php', { username: message.slice(0, 50), message })
    expect([status, json.received.message]).toEqual([200, message])
  }
  const got: [unknown, unknown][] = []
  while (got.length < texts.length)
    for (const message of await node.queue.poll({ channel: 'feed', max: 20, wait: '10s' }))
      got.push([message.headers.poster, message.bytes().toString()])
  expect(got).toEqual(texts.map(text => [text.slice(0, 50), text]))
})

test.each([
  ['/scheduleMessage.php', { username: 'a', message: 'b' }, 'time is missing or empty'],
  ['/scheduleMessage.php', { username: 'a', message: 'b', time: '2014-02-30 00:00:00' }, 'must be a time'],
  ['/scheduleMessage.php', { username: '', message: 'b', time: '2014-08-01T13:30' }, 'username is missing or empty'],
  ['/postMessage.php', { username: 'a' }, 'message is missing or empty'],
  ['/postMessage.php', {}, 'username is missing or empty']
])('%s with %o is a Failure that says why, also by its status', async (path, fields, why) => {
  const node = await psched()
  const { status, json } = await post(node, path, fields as Record<string, string>)
  expect([status, json.result, json.received]).toEqual([400, 'Failure', fields])
  expect(json.failure).toContain(why)
  expect((await node.call('GET', '/v1/schedule')).json.messages).toEqual([])
  expect(await node.queue.peek({ channel: 'feed' })).toEqual([])
})

test('H25: a check with nothing due is a Success, one where a message cannot go is none', async () => {
  const node = await psched()
  const check = () => node.call('GET', '/cron/checkScheduledMessages.php')
  expect((await check()).json).toMatchObject({
    result: 'Success',
    resultDetails: expect.stringContaining('no scheduled')
  })
  await mkdir(join(node.folder, 'spool/outbox/berlin'), { recursive: true })
  await writeFile(join(node.folder, 'spool/outbox/berlin/feed'), 'in the way')
  const { json } = await post(node, '/scheduleMessage.php', { username: 'a', message: 'b', time: '2014-08-01T13:30' })
  const answer = await check()
  expect(answer.status).toBeGreaterThanOrEqual(500)
  const { id } = json.externalResult
  expect(answer.json).toMatchObject({ result: 'Failure', failure: expect.any(String), scheduledMessagesPosted: {} })
  expect(answer.json.externalResult).toMatchObject({ [id]: { result: 'Failure' } })
})

test('pages of other sites are refused, and types that are no form', async () => {
  const node = await psched()
  const fields = { username: 'a', message: 'b', time: '2014-08-01 13:30:00' }
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }
  ]
  for (const headers of foreign) {
    for (const path of ['/scheduleMessage.php', '/postMessage.php'])
      expect((await post(node, path, fields, headers)).status).toBe(403)
    expect((await node.call('GET', '/cron/checkScheduledMessages.php', { headers })).status).toBe(403)
  }
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/json'])
    expect((await post(node, '/postMessage.php', fields, { 'content-type': type })).status).toBe(415)
  expect(await node.queue.peek({ channel: 'feed' })).toEqual([])
  expect(
    (await post(node, '/postMessage.php', fields, { origin: node.url, 'sec-fetch-site': 'same-origin' })).status
  ).toBe(200)
})

test('on a node that accepts peers only its own token posts or checks', async () => {
  const accept = new Map([['berlin', tokenDigest('mine-mine-mine-mine').toString('hex')]])
  const node = await desk({ compat: { psched: true }, accept })
  const token = { authorization: 'Bearer mine-mine-mine-mine' }
  const fields = { username: 'a', message: 'b' }
  expect((await post(node, '/postMessage.php', fields)).status).toBe(401)
  expect((await node.call('GET', '/cron/checkScheduledMessages.php')).status).toBe(401)
  expect((await post(node, '/postMessage.php', fields, token)).status).toBe(200)
  expect((await node.call('GET', '/cron/checkScheduledMessages.php', { headers: token })).status).toBe(200)
})

test('without compat there are no such paths, and a form is taken nowhere else', async () => {
  const node = await desk()
  for (const path of ['/scheduleMessage.php', '/postMessage.php'])
    expect((await post(node, path, { username: 'a', message: 'b' })).status).toBe(404)
  expect((await node.call('GET', '/cron/checkScheduledMessages.php')).status).toBe(404)
  expect((await post(node, '/v1/messages', { body: 'x' })).status).toBe(415)
})
