import { afterEach, expect, test } from 'vitest'
import { ANSWER_TYPE } from '../../src/wire/upload.ts'
import { closeAll, httpPeer, peerAt, transportWith } from '../wire/raw-peers.ts'
import { never, uploadOf } from '../wire/transport-suite.ts'
import { SimNodes } from './sim-nodes.ts'
import { STORES } from './stores.ts'

afterEach(closeAll)

test.each(STORES)(
  'D7: the same id with another priority, and from another process, is a duplicate (%s)',
  async store => {
    const nodes = new SimNodes({ seed: 7, names: ['berlin', 'tokyo'], store })
    await nodes.server('tokyo')
    await nodes.client('berlin')
    for (const [process, priority] of [['one', 4] as const, ['two', 9] as const, ['two', 0] as const]) {
      const app = await nodes.queue('berlin', process)
      await nodes.until(app.sendMessage(`priority ${priority}`, { to: 'tokyo', id: 'order-1', priority }))
      await nodes.clock.advance(5_000)
    }
    const got = await nodes.take(await nodes.queue('tokyo'))
    expect(got.map(({ id, body }) => [id, body])).toEqual([['order-1', 'priority 4']])
  }
)

test.each(STORES)(
  'D7: two nodes with equal clocks that use the same id are two senders: both messages are delivered (%s)',
  async store => {
    const nodes = new SimNodes({ seed: 8, names: ['berlin', 'potsdam', 'tokyo'], store })
    await nodes.server('tokyo')
    for (const name of ['berlin', 'potsdam']) {
      await nodes.client(name)
      await nodes.until((await nodes.queue(name)).sendMessage(name, { to: 'tokyo', id: 'order-1' }))
    }
    await nodes.clock.advance(5_000)
    const got = await nodes.take(await nodes.queue('tokyo'))
    const told = got.map(message => `${message.id}: ${message.text()} from ${message.from}`)
    expect(new Set(told)).toEqual(new Set(['order-1: berlin from berlin', 'order-1: potsdam from potsdam']))
    expect(told).toHaveLength(2)
  }
)

test('D16: an upload of 5 MB asks for no "100 Continue" and does not wait for one', async () => {
  let expected: string | undefined
  const port = await httpPeer((request, response) => {
    expected = request.headers.expect
    response.setHeader('content-type', ANSWER_TYPE)
    const { 'dropr-stream': stream, 'dropr-nonce': nonce } = request.headers
    response.end(JSON.stringify({ stream, nonce, next: 1, refused: [] }))
  })
  const began = performance.now()
  await transportWith().upload(peerAt(port), uploadOf({ entries: Buffer.alloc(5_000_000) }), never)
  expect(performance.now() - began).toBeLessThan(1_000)
  expect(expected).toBeUndefined()
})
