import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Message, type Queue, startNode } from '../../src/index.ts'
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

/** A few MB that are really full. Needs to be allowed to mount. */
function smallDisk(at: string, megabytes = 2): boolean {
  try {
    mkdirSync(at, { mode: 0o700 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'none', at], { stdio: 'ignore' })
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

test('D12: a receiver on a real disk of 5 MB says that it is full, its sender backs off, and all goes on once there is room', async context => {
  const at = path.join(world.folder, 'receiver')
  if (!smallDisk(at, 5)) return context.skip('this process may not mount a small disk')
  world.onEnd(() => execFileSync('umount', ['-l', at]))
  const limits = { retryMsMin: 50, retryMsMax: 1_000, scanMs: 500 }
  const tokyo = await startNode({ spool: path.join(at, 'spool'), node: 'tokyo', config: { listen: 0, limits } })
  const peers = { tokyo: `http://${tokyo.listen}` }
  const berlin = await startNode({
    spool: world.spool('berlin'),
    node: 'berlin',
    config: { listen: 0, peers, limits },
    roles: ['client']
  })
  try {
    const bodies = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(100_000)}`)
    for (const body of bodies) await berlin.queue.sendMessage(body, { to: 'tokyo', channel: 'c' })
    const peer = () => berlin.status().client!.peers[0]!
    const code = () => peer().lastError?.code ?? peer().troubled[0]?.lastError.code
    await expect.poll(code, { timeout: 20_000 }).toBe('DISK_FULL')
    const came = peer().acked
    expect(came).toBeGreaterThan(5)
    // It is refused before the disk itself refuses.
    expect(came * 100_000).toBeLessThan(5 * 1_048_576)
    expect(tokyo.status().server!.depth).toBeGreaterThanOrEqual(came)
    execFileSync('mount', ['-o', 'remount,size=64m', at])
    const got = await take(tokyo.queue, 'c', 100)
    expect(got.map(message => message.body)).toEqual(bodies)
  } finally {
    await berlin.close({ within: '1s' })
    await tokyo.close({ within: '1s' })
  }
})
