import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue, type Queue } from '../../src/index.ts'

const LIBRARY = pathToFileURL(resolve(import.meta.dirname, '../../dist/lib/index.js')).href

let folder = ''
let spool = ''
const queues: Queue[] = []
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr-processes-'))
  spool = join(folder, 'spool')
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const queue of queues.splice(0)) await queue.close()
  await rm(folder, { recursive: true })
})

async function queueHere(): Promise<Queue> {
  const queue = await openQueue({ spool })
  queues.push(queue)
  return queue
}

/** A process that runs `program` with an open `queue`. */
function start(program: string): { child: ChildProcess; printed: () => string; ended: Promise<number | null> } {
  const text = `import { openQueue } from '${LIBRARY}'\nconst queue = await openQueue({ spool: process.argv[1] })\n${program}`
  const args = ['--input-type=module', '--eval', text, '--', spool]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder })
  children.push(child)
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (printed += String(chunk)))
  const ended = new Promise<number | null>(done => child.once('close', done))
  return { child, printed: () => printed, ended }
}

test('a process that has sent, polled and acknowledged ends by itself, without close', async () => {
  const program = `
    await queue.sendMessage('x')
    const message = await queue.poll({ wait: '10s' })
    await message.ack()
    console.log(message.body, await queue.poll())`
  const { printed, ended } = start(program)
  expect(await ended).toBe(0)
  expect(printed()).toBe('x undefined\n')
})

test('a poll that waits keeps its process alive until it is over, and close lets it end', async () => {
  const program = `
    console.log(await queue.poll({ wait: 300 }))
    const consumer = queue.consume('c', () => {})
    // Only the consumer keeps the process: the timer does not.
    setTimeout(() => queue.close().then(() => console.log('closed')), 100).unref()
    await consumer.done
    console.log('done')`
  const { printed, ended } = start(program)
  expect(await ended).toBe(0)
  expect(printed()).toBe('undefined\ndone\nclosed\n')
})

test('a consumer in another process takes what this one sends, each message once', async () => {
  const queue = await queueHere()
  await queue.poll({ channel: 'c' })
  const { printed, ended } = start(`
    const seen = []
    for await (const message of queue.messages('c')) {
      if (message.body === 'end') { await message.ack(); break }
      seen.push(message.body)
    }
    await queue.close()
    console.log(seen.length, seen.every((n, i) => n === i))`)
  for (let from = 0; from < 5_000; from += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => queue.sendMessage(from + i, { channel: 'c' })))
  }
  await queue.sendMessage('end', { channel: 'c' })
  expect(await ended).toBe(0)
  expect(printed()).toBe('5000 true\n')
  expect(await queue.poll({ channel: 'c' })).toBeUndefined()
})

const HOLD = `
  const message = await queue.poll({ wait: '20s', lease: '1h' })
  console.log('held')
  await new Promise(resolve => setTimeout(resolve, 1e6))`

test('what a killed process held comes back at once, marked: as a consumer of this owner', async () => {
  const queue = await queueHere()
  await queue.poll()
  await queue.sendMessage('x')
  const { child, printed } = start(HOLD)
  await expect.poll(printed, { timeout: 20_000 }).toBe('held\n')
  expect(await queue.poll()).toBeUndefined()
  child.kill('SIGKILL')
  const again = (await queue.poll({ wait: '20s' }))!
  expect([again.body, again.redelivered]).toEqual(['x', true])
})

test('what a killed process held comes back at once, marked: as the owner itself', async () => {
  const { child, printed } = start(`await queue.sendMessage('x')\n${HOLD}`)
  await expect.poll(printed, { timeout: 20_000 }).toBe('held\n')
  child.kill('SIGKILL')
  const again = (await (await queueHere()).poll({ wait: '20s' }))!
  expect([again.body, again.redelivered]).toEqual(['x', true])
})

test('when the owner is killed, a consumer goes on with what it holds and with what comes', async () => {
  const owner = start(`await queue.poll()\nconsole.log('owns')\nawait new Promise(resolve => setTimeout(resolve, 1e6))`)
  await expect.poll(owner.printed, { timeout: 20_000 }).toBe('owns\n')
  const queue = await queueHere()
  await queue.sendMessages(['a', 'b'])
  const held = (await queue.poll({ wait: '20s' }))!
  owner.child.kill('SIGKILL')
  await owner.ended
  await held.ack()
  const next = (await queue.poll({ wait: '20s' }))!
  expect([held.body, next.body, next.redelivered]).toEqual(['a', 'b', false])
  await next.ack()
  expect(await queue.poll()).toBeUndefined()
})
