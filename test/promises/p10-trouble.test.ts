import { expect, test } from 'vitest'
import { DroprError, type Message } from '../../src/index.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof DroprError ? error.code : `bug: ${String(error)}`)
  )

test('P10: while the disk is full sends are refused at once with DISK_FULL; when it has room again they work, with nothing half-written', async () => {
  const sim = new SimNodes({ seed: 100, names: ['berlin'] })
  const { disk } = sim.machine('berlin')
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage('before'))
  disk.capacityBytes = disk.disk.bytesUsed + 3_000
  const sent: unknown[] = ['before']
  const codes = new Set<string>()
  for (let i = 0; i < 20; i++) {
    const since = sim.clock.ticks()
    const body = `${i} ${'x'.repeat(1_000)}`
    const result = await sim.until(outcome(queue.sendMessage(body)))
    expect(sim.clock.ticks() - since).toBeLessThan(1_000)
    if (result === 'resolved') sent.push(body)
    else codes.add(result)
  }
  expect(codes).toEqual(new Set(['DISK_FULL']))
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await sim.until(queue.sendMessage('after'))
  const got = await sim.take(await sim.queue('berlin', 'reader'))
  expect(got.map(message => message.body)).toEqual([...sent, 'after'])
})

test('P10: verdicts on a full disk are refused with its code and may be told again; nothing is done that was not said', async () => {
  const sim = new SimNodes({ seed: 101, names: ['berlin'] })
  const { disk } = sim.machine('berlin')
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessages(['a', 'b']))
  const [a, b] = (await sim.until(queue.poll({ max: 2, wait: 5_000 }))) as [Message, Message]
  disk.capacityBytes = 0
  expect(await sim.until(outcome(a.ack()))).toBe('DISK_FULL')
  disk.capacityBytes = Number.POSITIVE_INFINITY
  expect(await sim.until(outcome(a.ack()))).toBe('resolved')
  await sim.until(b.release())
  await sim.until(queue.close())
  const got = await sim.take(await sim.queue('berlin', 'reader'))
  expect(got.map(message => message.body)).toEqual(['b'])
})

test('D12 P10: a receiver whose disk is full gets everything, once, when it has room again', async () => {
  const sim = new SimNodes({ seed: 102, names: ['berlin', 'tokyo'], limits: { retryMsMax: 2_000 } })
  await sim.server('tokyo')
  await sim.client('berlin')
  const queue = await sim.queue('berlin')
  const { disk } = sim.machine('tokyo')
  disk.capacityBytes = disk.disk.bytesUsed + 20_000
  const bodies = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(1_000)}`)
  for (const body of bodies) await sim.until(queue.sendMessage(body, { to: 'tokyo' }))
  await sim.clock.advance(60_000)
  expect(sim.uploads.length).toBeLessThan(200)
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await sim.clock.advance(20_000)
  const got = await sim.take(await sim.queue('tokyo'))
  expect(got.map(message => message.body)).toEqual(bodies)
})

test('P10: too few open files, a read-only disk and I/O errors give their code at once, and service resumes by itself', async () => {
  const sim = new SimNodes({ seed: 103, names: ['berlin'] })
  const { disk } = sim.machine('berlin')
  const queue = await sim.queue('berlin')
  const sent: unknown[] = []
  let n = 0
  const send = async (channel: string) => {
    const since = sim.clock.ticks()
    const result = await sim.until(outcome(queue.sendMessage(n, { channel })))
    expect(sim.clock.ticks() - since).toBeLessThan(1_000)
    if (result === 'resolved') sent.push(n)
    n++
    return result
  }
  expect(await send('common')).toBe('resolved')
  disk.readOnly = true
  expect(await send('new')).toBe('DISK_READ_ONLY')
  expect(await send('common')).toBe('DISK_READ_ONLY')
  disk.readOnly = false
  disk.handlesMax = 1
  expect(await send('another')).toMatch(/resolved|FILES_EXHAUSTED/)
  expect(await send('third')).toMatch(/resolved|FILES_EXHAUSTED/)
  disk.handlesMax = Number.POSITIVE_INFINITY
  const rule = disk.failNext({ call: 'writeSynced', code: 'EIO', times: 3 })
  const failed = [await send('common'), await send('common'), await send('common')]
  expect(failed).toEqual(['DISK_ERROR', 'DISK_ERROR', 'DISK_ERROR'])
  rule.remove()
  for (const channel of ['common', 'new', 'another', 'third']) expect(await send(channel)).toBe('resolved')
  const reader = await sim.queue('berlin', 'reader')
  const got: unknown[] = []
  for (const channel of ['common', 'new', 'another', 'third']) {
    for (const message of await sim.take(reader, channel)) got.push(message.body)
  }
  // What was refused may be there (P2), once; what resolved must.
  expect(new Set(got).size).toBe(got.length)
  for (const body of sent) expect(got).toContain(body)
})
