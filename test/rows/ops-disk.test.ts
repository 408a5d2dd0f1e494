import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Message, Queue } from '../../src/index.ts'
import { RealWorld, take } from './real-world.ts'
import { SimNodes } from './sim-nodes.ts'

let world: RealWorld

beforeEach(() => {
  world = new RealWorld()
})
afterEach(() => world.end())

/** Sends until the disk refuses; gives what was taken, and the refusal. */
async function fill(queue: Queue, until: <T>(promise: Promise<T>) => Promise<T> = promise => promise) {
  const taken: string[] = []
  for (;;) {
    const body = `${taken.length} ${'x'.repeat(20_000)}`
    try {
      await until(queue.sendMessage(body, { channel: 'c' }))
    } catch (error) {
      return { taken, error }
    }
    taken.push(body)
  }
}

test('DISK-4: on a disk that fills up sends are refused with DISK_FULL, what was taken is polled whole, and sends work again when there is room', async () => {
  const nodes = new SimNodes({ seed: 4, names: ['node'] })
  const { disk } = nodes.machine('node')
  const queue = await nodes.queue('node')
  await nodes.until(queue.poll({ channel: 'c' }))
  disk.capacityBytes = disk.disk.bytesUsed + 1_000_000
  const { taken, error } = await fill(queue, promise => nodes.until(promise))
  expect(error).toMatchObject({ code: 'DISK_FULL' })
  expect(taken.length).toBeGreaterThan(10)
  await expect(nodes.until(queue.sendMessages(['a'.repeat(900_000), 'b'], { channel: 'c' }))).rejects.toMatchObject({
    code: 'DISK_FULL'
  })
  // Someone frees some space: no restart, no hand.
  disk.capacityBytes += 10_000_000
  await nodes.until(queue.sendMessage('after', { channel: 'c' }))
  const got = await nodes.take(queue, 'c')
  expect(got.map(message => message.body)).toEqual([...taken, 'after'])
})

test('DISK-4: messages that were handed out before the disk was full are read, and their verdicts are kept once there is room', async () => {
  const nodes = new SimNodes({ seed: 5, names: ['node'] })
  const { disk } = nodes.machine('node')
  const queue = await nodes.queue('node')
  await nodes.until(queue.sendMessages(['a', 'b', 'c'], { channel: 'c' }))
  const held = (await nodes.until(queue.poll({ channel: 'c', max: 3, wait: '5s' }))) as Message[]
  expect(held.map(message => message.body)).toEqual(['a', 'b', 'c'])
  disk.capacityBytes = 0
  const verdict = await nodes.until(
    held[0]!.ack().then(
      () => 'kept',
      error => error.code
    )
  )
  expect(['kept', 'DISK_FULL']).toContain(verdict)
  disk.capacityBytes = Number.POSITIVE_INFINITY
  for (const message of held) await nodes.until(message.ack())
  expect(await nodes.until(queue.poll({ channel: 'c', wait: '2m' }))).toBeUndefined()
})

/** 2 MB that are really full. Needs to be allowed to mount. */
function smallDisk(at: string): boolean {
  try {
    mkdirSync(at, { mode: 0o700 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'none', at], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('DISK-4: on a real disk of 2 MB the send that does not fit rejects with DISK_FULL within a second, and with more room all goes on without a restart', async context => {
  const at = path.join(world.folder, 'small')
  if (!smallDisk(at)) return context.skip('this process may not mount a small disk')
  world.onEnd(() => execFileSync('umount', ['-l', at]))
  const queue = await world.queue('small/spool')
  expect(await queue.poll({ channel: 'c' })).toBeUndefined()
  const { taken, error } = await fill(queue)
  expect(error).toMatchObject({ code: 'DISK_FULL' })
  const began = performance.now()
  await expect(queue.sendMessage('x'.repeat(500_000), { channel: 'c' })).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(performance.now() - began).toBeLessThan(1_000)
  execFileSync('mount', ['-o', 'remount,size=16m', at])
  await queue.sendMessage('after', { channel: 'c' })
  const got = await take(queue, 'c', taken.length + 1)
  expect(got.map(message => message.body)).toEqual([...taken, 'after'])
})
