import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Message, Queue } from '../../src/index.ts'
import { QUICK, type RealNode, RealWorld, until } from '../rows/real-world.ts'
import { SOAK } from '../soak.ts'

/** A real server owns the inbox; its consumers are processes of their own. */
const world = new RealWorld()
let node: RealNode
let queue: Queue

beforeAll(async () => {
  node = await world.up('node', { roles: 'server', config: { limits: QUICK } })
  queue = await world.queue('node')
})
afterAll(() => world.end(), 60_000)

/** Takes a message of a channel, says so, and tells its verdict when it is told `go`. */
const HOLDER = `
  const queue = await openQueue({ spool: args[0] })
  const message = await queue.poll({ channel: args[1], lease: Number(args[2]), wait: '20s' })
  console.log('holds', message.body, message.deliveries)
  process.stdin.once('data', async () => {
    console.log('verdict', await message.ack().then(() => 'ok', error => error.code))
    process.exit(0)
  })`

async function holder(channel: string, leaseMs: number) {
  const program = world.program(HOLDER, { args: [node.spool, channel, String(leaseMs)] })
  await program.printed('holds')
  return program
}

test('P5 E5 J9: what a process held that died comes back at once, to the next process, marked; what is acknowledged does not', async () => {
  await queue.sendMessage('m', { channel: 'died' })
  const first = await holder('died', 60_000)
  expect(await queue.poll({ channel: 'died' })).toBeUndefined()
  first.kill('SIGKILL')
  const second = await holder('died', 60_000)
  expect(second.stdout).toContain('holds m 2')
  second.child.stdin!.write('go\n')
  expect(await second.ended).toBe(0)
  expect(second.stdout).toContain('verdict ok')
  expect(await queue.poll({ channel: 'died', wait: 100 })).toBeUndefined()
})

test('J9: of a block of 50 that a process held when it was killed, with 10 of them acknowledged, the next process gets the other 40, in order, marked, and none of the 10', async () => {
  await queue.sendMessages(
    Array.from({ length: 50 }, (_, i) => i),
    { channel: 'block' }
  )
  const first = world.program(
    `const queue = await openQueue({ spool: args[0] })
    const held = []
    while (held.length < 50) held.push(...await queue.poll({ channel: 'block', max: 50, lease: 60_000, wait: '20s' }))
    for (const message of held.slice(0, 10)) await message.ack()
    console.log('holds the rest')
    setInterval(() => undefined, 1_000)`,
    { args: [node.spool] }
  )
  await first.printed('holds')
  expect(await queue.poll({ channel: 'block' })).toBeUndefined()
  first.kill('SIGKILL')
  const rest: Message[] = []
  while (rest.length < 40) rest.push(...(await queue.poll({ channel: 'block', max: 50, wait: '20s' })))
  expect(rest.map(({ body, deliveries }) => [body, deliveries])).toEqual(
    Array.from({ length: 40 }, (_, i) => [10 + i, 2])
  )
  for (const message of rest) await message.ack()
  expect(await queue.poll({ channel: 'block', wait: 100 })).toBeUndefined()
})

test('P5 E7 PROC-5: a process that stood still past its lease is refused with LEASE_LOST, and the verdict of the next holder stands', async () => {
  await queue.sendMessage('m', { channel: 'stalled' })
  const stalled = await holder('stalled', 1_000)
  stalled.kill('SIGSTOP')
  // As long as its lease lasts, it is nobody else's.
  const next = (await queue.poll({ channel: 'stalled', wait: '20s' }))!
  expect(next).toMatchObject({ body: 'm', deliveries: 2, redelivered: true })
  await next.ack()
  stalled.kill('SIGCONT')
  stalled.child.stdin!.write('go\n')
  expect(await stalled.ended).toBe(0)
  expect(stalled.stdout).toContain('verdict LEASE_LOST')
  expect(await queue.poll({ channel: 'stalled', wait: 100 })).toBeUndefined()
})

test('PROC-12: a callback that brings down its process has not acknowledged, the daemon lives, and the failure counts as an attempt', async () => {
  const pid = node.pidOf('server')
  await queue.sendMessage('m', { channel: 'thrown' })
  const program = world.program(
    `const queue = await openQueue({ spool: args[0] })
    queue.consume('thrown', () => new Promise(() => setImmediate(() => { throw new Error('out of reach') })))`,
    { args: [node.spool] }
  )
  expect(await program.ended).not.toBe(0)
  expect(program.stderr).toContain('out of reach')
  const message = (await queue.poll({ channel: 'thrown', wait: '20s' }))!
  expect(message).toMatchObject({ body: 'm', deliveries: 2, attempt: 2 })
  await message.ack()
  expect(node.pidOf('server')).toBe(pid)
})

test('P5 E6 J5: of 20,000 messages (40,000 in the soak) none goes to two of four processes, and each is acknowledged once', async () => {
  const count = SOAK ? 40_000 : 20_000
  const consumers = Array.from({ length: 4 }, () =>
    world.program(
      `const queue = await openQueue({ spool: args[0] })
      const held = []
      queue.consume('shared', async message => {
        held.push(message.body)
        await new Promise(setImmediate)
      }, { concurrency: 16 })
      console.log('ready')
      process.stdin.once('data', async () => {
        await queue.close()
        process.stdout.write(held.join('\\n') + '\\n', () => process.exit(0))
      })`,
      { args: [node.spool] }
    )
  )
  await Promise.all(consumers.map(consumer => consumer.printed('ready')))
  for (let from = 0; from < count; from += 2_000) {
    const bodies = Array.from({ length: 2_000 }, (_, i) => from + i)
    await queue.sendMessages(bodies, { channel: 'shared' })
  }
  await until(async () => {
    const health = (await (await fetch(`${node.url}/health`)).json()) as { depth: number }
    return health.depth === 0
  })
  for (const consumer of consumers) consumer.child.stdin!.write('go\n')
  await Promise.all(consumers.map(consumer => consumer.ended))
  const held = consumers.map(consumer => consumer.lines.slice(1).map(Number))
  expect(held.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
  expect(held.filter(bodies => bodies.length > 0)).toHaveLength(4)
})
