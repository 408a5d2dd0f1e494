import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { DroprError } from '../../src/index.ts'
import { bed, blobs, bytesOf, FOLDER, names, read, reusing, SEEDS } from './large-bed.ts'

test('E9 A10: a stream above messageBytesMax is a message whose body is read piece by piece, byte for byte', async () => {
  const sim = bed(1)
  const queue = await sim.queue('berlin')
  const body = bytesOf(10_000)
  const { id } = await sim.until(queue.sendMessage(reusing(body, 300), { headers: { a: 'b' }, kind: 'text' }))
  const message = (await sim.until(queue.poll({ wait: 3_000 })))!
  expect(message).toMatchObject({ id, size: 10_000, large: true, kind: 'text', headers: { a: 'b' } })
  expect(await read(sim, message)).toEqual(body)
  for (const get of [() => message.bytes(), () => message.text(), () => message.json(), () => message.body])
    expect(get).toThrow(expect.objectContaining({ code: 'BODY_LARGE' }))
  expect(await sim.until(message.saveTo('/spool/run/copy'))).toBe(10_000)
  expect(sim.machine('berlin').disk.peek('/spool/run/copy')).toEqual(body)
  await expect(sim.until(message.saveTo('/spool/run/copy'))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  await sim.until(message.ack())
})

test('a stream that fits an entry is a message like any other, and no file is made', async () => {
  const sim = bed(2)
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage(reusing(bytesOf(1_024), 100)))
  await sim.until(queue.sendMessage(Readable.from(['grüße ', '🎈']), { kind: 'text' }))
  await sim.until(queue.sendMessage(new Blob([]), { delay: 10 }))
  expect(names(sim, FOLDER).filter(name => name.endsWith('.blob'))).toEqual([])
  const [first, second] = await sim.take(queue)
  expect(first!.body).toEqual(bytesOf(1_024))
  expect(second).toMatchObject({ body: 'grüße 🎈', large: false })
  expect(await read(sim, second!)).toEqual(Buffer.from('grüße 🎈'))
})

test('a stream that fails, is aborted, is too large or gives no bytes sends nothing and leaves nothing', async () => {
  const sim = bed(3, { blobBytesMax: 9_000 })
  const queue = await sim.queue('berlin')
  async function* failing(after: number, error: unknown) {
    for (let i = 0; i < after; i++) yield Buffer.alloc(1_000)
    throw error
  }
  async function* silent(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(5_000)
    await new Promise(() => undefined)
  }
  async function* wrong() {
    yield Buffer.alloc(5_000)
    yield 7 as unknown as Buffer
  }
  const stop = new AbortController()
  const unread = queue.sendMessage(failing(5, new Error('gone')))
  const aborted = queue.sendMessage(silent(), { signal: stop.signal })
  const tooLarge = queue.sendMessage(failing(12, 'never'))
  const settled = Promise.allSettled([unread, aborted, tooLarge, queue.sendMessage(wrong())])
  await sim.clock.advance(1_000)
  stop.abort()
  const ends = await sim.until(settled)
  const codes = ends.map(end => end.status === 'rejected' && ((end.reason as DroprError).code ?? end.reason.name))
  expect(codes).toEqual(['BODY_UNREADABLE', 'ABORTED', 'MESSAGE_TOO_LARGE', 'TypeError'])
  expect(names(sim, FOLDER)).toEqual([])
  expect(await sim.take(queue)).toEqual([])
})

test('JSON that looks like a file is JSON: only file() names one', async () => {
  const sim = bed(4)
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage({ file: '/etc/passwd', path: '/etc/passwd' }))
  expect((await sim.take(queue))[0]!.body).toEqual({ file: '/etc/passwd', path: '/etc/passwd' })
})

test('whichever call of the disk fails, a large send rejects with a code or has kept its word, and the next one goes', async () => {
  let rejected = 0
  for (const code of ['ENOSPC']) {
    for (let after = 0, struck = true; struck; after++) {
      const sim = bed(after)
      const queue = await sim.queue('berlin')
      const rule = sim.machine('berlin').disk.failNext({ call: 'any', code, after })
      const body = bytesOf(3_000)
      const sent = await sim.until(queue.sendMessage(reusing(body, 500)).catch((error: unknown) => error))
      struck = rule.hits > 0
      rule.remove()
      if (sent instanceof DroprError) {
        rejected++
        expect(sent.code).toMatch(/^(DISK_|FILES_)/)
      } else expect(sent).not.toBeInstanceOf(Error)
      await sim.until(queue.sendMessage(reusing(body, 500)))
      const messages = await sim.take(queue)
      for (const message of messages) expect(await read(sim, message)).toEqual(body)
      expect(messages.length).toBeGreaterThanOrEqual(sent instanceof DroprError ? 1 : 2)
    }
  }
  expect(rejected).toBeGreaterThan(8)
})

test('after a power cut at any step of sending and receiving, each large message that was acknowledged is whole, and cleaning leaves no body that nobody owns', async () => {
  let resolvedCount = 0
  let cut = 0
  let orphans = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const sim = bed(seed, { retentionMs: 0, retentionBytes: 0 })
    const random = sim.world.random.fork('test')
    const machine = sim.machine('berlin')
    const queue = await sim.queue('berlin')
    const resolved = new Map<string, Buffer>()
    const consuming = queue.poll({ wait: 60_000 }).catch(() => undefined)
    for (let i = 0; i < 3; i++) {
      const body = bytesOf(2_000 + random.int(6_000))
      queue.sendMessage(reusing(body, 700)).then(
        ({ id }) => void resolved.set(id, body),
        () => undefined
      )
    }
    await sim.clock.advance(random.next() * (seed % 3 === 0 ? 25 : 4))
    void consuming
    machine.powerCut()
    if (resolved.size < 3) cut++
    resolvedCount += resolved.size
    const reader = await sim.queue('berlin', 'reader')
    const found = new Map<string, string>()
    for (const message of await sim.take(reader)) found.set(message.id, sha(await read(sim, message)))
    for (const [id, body] of resolved) expect(found.get(id), `seed ${seed}`).toBe(sha(body))
    orphans += blobs(sim).length
    // Two cleaning turns: the first sees that they are over, the second removes.
    await sim.clock.advance(200_000)
    expect(blobs(sim), `seed ${seed}`).toEqual([])
    await sim.until(reader.close())
  }
  expect(resolvedCount).toBeGreaterThan(SEEDS)
  expect(cut).toBeGreaterThan(SEEDS / 5)
  expect(orphans).toBeGreaterThan(SEEDS / 5)
}, 240_000)

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
