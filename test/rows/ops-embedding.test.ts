import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Log } from '../../src/index.ts'
import { SOAK } from '../soak.ts'
import { RealNodes } from './real-nodes.ts'
import { RealWorld, until } from './real-world.ts'

let world: RealWorld
let nodes: RealNodes

beforeEach(() => {
  world = new RealWorld()
  nodes = new RealNodes()
})
afterEach(async () => {
  await nodes.end()
  await world.end()
})

test('G6: a logger of the application gets what happens, with a code and a text', async () => {
  const said: { level: string; fields: object; text: string }[] = []
  const to = (level: string) => (fields: object, text: string) => void said.push({ level, fields, text })
  const log: Log = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') }
  const config = { peers: { tokyo: 'http://127.0.0.1:1' } }
  const node = await nodes.node('berlin', { log, config })
  await node.queue.sendMessage('x', { to: 'tokyo' })
  await until(() => said.some(line => line.level === 'warn'))
  expect(said.find(line => line.level === 'warn')).toMatchObject({
    fields: { code: 'PEER_UNREACHABLE', peer: 'tokyo' },
    text: expect.stringMatching(/\w+/)
  })
})

test('G6: --log-level error leaves out what info tells, and what is logged is one JSON fact a line', async () => {
  const levels = async (level: string) => {
    const node = await world.up(`level-${level}`, { flags: ['--single', '--log-level', level] })
    expect(await node.stop()).toBe(0)
    const lines = node.log.split('\n').filter(line => line.startsWith('{'))
    return new Set(lines.map(line => JSON.parse(line).level))
  }
  expect(await levels('info')).toEqual(new Set(['info']))
  expect(await levels('error')).toEqual(new Set())
})

test('G14: a script of 20 lines starts all roles of two nodes, sends, polls, closes, and its process ends by itself', async () => {
  const program = world.program(`
    const tokyo = await startNode({ spool: 'tokyo', node: 'tokyo', config: { listen: 0 } })
    const berlin = await startNode({
      spool: 'berlin',
      node: 'berlin',
      config: { listen: 0, peers: { tokyo: 'http://' + tokyo.listen } }
    })
    await berlin.queue.sendMessage('hello', { to: 'tokyo', channel: 'c' })
    const message = await tokyo.queue.poll({ channel: 'c', wait: '20s' })
    await message.ack()
    console.log(message.from, message.body)
    await berlin.close()
    await tokyo.close()`)
  expect(await program.ended, program.stderr).toBe(0)
  expect(program.stdout).toBe('berlin hello\n')
})

test('Q9: 10,000 messages are sent one after the other, taken one after the other, and acknowledged', async () => {
  const queue = await nodes.queue('node')
  // As the ancestor did it. Synced ones wait for the disk 10,000 times.
  const durability = SOAK ? 'synced' : 'buffered'
  for (let i = 0; i < 10_000; i++) await queue.sendMessage(i, { channel: 'c', durability })
  const seen: unknown[] = []
  for await (const message of queue.messages('c')) {
    seen.push(message.body)
    if (seen.length === 10_000) {
      await message.ack()
      break
    }
  }
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  expect(await queue.poll({ channel: 'c' })).toBeUndefined()
})
