import { afterEach, beforeEach, expect, test } from 'vitest'
import { runMessageStatus } from '../../src/cli/run-message-status.ts'
import { runRequest } from '../../src/cli/run-request.ts'
import { runSend } from '../../src/cli/run-send.ts'
import { openQueue, type Queue, Reject } from '../../src/index.ts'
import { CliDesk, values } from './in-process.ts'

let desk: CliDesk
let queue: Queue

beforeEach(async () => {
  desk = new CliDesk()
  queue = await openQueue({ spool: desk.spool, node: 'berlin' })
})
afterEach(async () => {
  await queue.close()
  desk.end()
})

test('A19: request prints the reply, waits again for that of an id that was asked before, and ends with the reason of who gives up', async () => {
  let handled = 0
  const consumer = queue.consume('ask', async message => {
    handled++
    if (message.text() === 'bad') throw new Reject('not that')
    await message.reply(`${message.text()}!`)
  })
  const ask = (body: string, more: object = {}) => desk.call({ timeout: '20s', ...more }, 'berlin', 'ask', body)
  const plain = ask('hello', { id: 'one' })
  expect([await runRequest(plain), plain.printed()]).toEqual([0, 'hello!'])
  const again = ask('hello', { id: 'one', json: true })
  expect(await runRequest(again)).toBe(0)
  expect(values(again.printed())).toMatchObject([{ correlationId: 'one', from: 'berlin', body: 'hello!' }])
  expect(handled).toBe(1)
  await expect(runRequest(ask('bad'))).rejects.toMatchObject({
    code: 'MESSAGE_DEAD',
    message: expect.stringContaining('not that')
  })
  await consumer.stop()
  await expect(runRequest(ask('late', { timeout: '1s' }))).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
})

test('status of an id says what its consumer made of it; exit code 1 for one that nobody sent', async () => {
  const sent = desk.call({ id: 'order-17', receipt: true }, 'orders', 'x')
  expect(await runSend(sent)).toBe(0)
  const message = await queue.poll({ channel: 'orders', wait: '10s' })
  await message!.ack({ rows: 3 })
  const json = desk.call({ json: true }, 'order-17')
  expect(await runMessageStatus(json)).toBe(0)
  expect(values(json.printed())).toMatchObject([{ id: 'order-17', state: 'processed' }])
  const text = desk.call({}, 'order-17')
  await runMessageStatus(text)
  expect(text.printed()).toMatch(/berlin +orders +processed +\d+.* ago +\{"rows":3\}/)
  const unknown = desk.call({}, 'nobody')
  expect(await runMessageStatus(unknown)).toBe(1)
  expect(unknown.noted()).toContain('nothing is known of nobody')
})
