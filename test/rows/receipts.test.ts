import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Node } from '../../src/index.ts'
import { RealNodes } from './real-nodes.ts'

const real = new RealNodes()
let tokyo: Node

beforeAll(async () => {
  tokyo = await real.node('tokyo')
})
afterAll(() => real.end())

test('A13 A19 A20 A21: an asking process that is killed, and its node that is down, find status, outcome and reply once they are back', async () => {
  const config = { peers: { tokyo: `http://${tokyo.listen}` } }
  // Sends from a process of its own, prints the ids, and dies.
  const died = await real.child(['ask', real.spool('berlin'), 'tokyo', JSON.stringify(config)])
  expect(died.signal).toBe('SIGKILL')
  const [asked, followed] = died.lines as [string, string]

  const berlin = await real.node('berlin', { config })
  await berlin.queue.receipt(asked).delivered({ timeout: '20s' })
  expect((await berlin.queue.status(asked)).state).toBe('delivered')
  await berlin.close({ within: '1s' })

  // Berlin is down, and no peer of tokyo's: what is to be told waits there.
  await expect((await tokyo.queue.poll({ channel: 'ask', wait: '20s' }))!.reply('no way')).rejects.toMatchObject({
    code: 'PEER_UNKNOWN'
  })
  await tokyo.close({ within: '1s' })
  tokyo = await real.node('tokyo', { config: { listen: tokyo.listen!, peers: { berlin: 'http://127.0.0.1:9' } } })
  for (let i = 0; i < 2; i++) {
    const message = (await tokyo.queue.poll({ channel: 'ask', wait: '20s' }))!
    await message.reply(`${message.text()}!`)
    await message.ack({ for: message.id })
  }
  await tokyo.close({ within: '1s' })

  const again = await real.node('berlin', { config })
  tokyo = await real.node('tokyo', { config: { listen: tokyo.listen!, peers: { berlin: `http://${again.listen}` } } })
  const { queue } = again
  const reply = await queue.receipt(asked).reply({ timeout: '20s' })
  expect([reply.body, reply.correlationId, reply.from]).toEqual(['asked!', asked, 'tokyo'])
  expect(await queue.receipt(followed).settled({ timeout: '20s' })).toMatchObject({ result: { for: followed } })
  expect((await queue.status(followed)).state).toBe('processed')
})
