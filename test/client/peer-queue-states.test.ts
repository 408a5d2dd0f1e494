import { expect, test } from 'vitest'
import { streamConflict } from '../../src/wire/upload-failure.ts'
import { entryOf } from './model.ts'
import { countOf, endOf, failing, setup } from './peer-queue-bed.ts'

test('a slow stream does not take all uploads', async () => {
  const { clock, queue, streams, sent } = setup({
    streams: 2,
    limits: { rangeBytesMax: 1_024, rangesPerStreamMax: 64, uploadsPerPeerMax: 8 },
    reply: async request => {
      await clock.sleep(request.channel === 'c0' ? 8_000 : 1)
      return endOf(request)
    }
  })
  streams[0]!.append(...Array.from({ length: 500 }, (_, at) => entryOf(at, 70_000)))
  await queue.look()
  await clock.advance(4_000)
  for (let i = 0; i < 10; i++) {
    streams[1]!.appendMany(1)
    queue.hint(streams[1]!)
    await clock.advance(5)
  }
  expect(sent.filter(({ request }) => request.channel === 'c1')).toHaveLength(10)
})

test('higher priority goes first', async () => {
  const { clock, queue, streams, sent } = setup({
    streams: 4,
    priorities: [0, 9, 4, 7],
    limits: { uploadsPerPeerMax: 1 },
    reply: async request => {
      await clock.sleep(10)
      return endOf(request)
    }
  })
  for (const stream of streams) stream.appendMany(1)
  await queue.look()
  await clock.advance(1_000)
  expect(sent.map(({ request }) => request.priority)).toEqual([9, 7, 4, 0])
})

test('a kick tries at once a peer and a stream that would wait, and the state stays what it is known to be', async () => {
  const { clock, queue, streams, sent } = setup({ reply: async () => failing('PEER_UNREACHABLE') })
  streams[0]!.appendMany(1)
  await queue.look()
  await clock.advance(600_000)
  const before = sent.length
  queue.kick()
  await clock.advance(0)
  expect(sent.length).toBe(before + 1)
  expect(queue.status().state).toBe('dead')
})

test('a peer that lost its disk gets again what is held, and somebody is told', async () => {
  let base = 0
  let lost = false
  const { clock, queue, streams, sent, book, logged } = setup({
    reply: async request => {
      if (lost && request.from > base) return Promise.reject(streamConflict(base, 'elsewhere'))
      base = Math.max(base, endOf(request))
      return base
    }
  })
  const [stream] = streams
  stream!.appendMany(100)
  await queue.look()
  await clock.advance(100)
  expect(book.next.get(stream!.stream)).toBe(100)
  base = 7
  lost = true
  stream!.appendMany(1)
  queue.hint(stream!)
  await clock.advance(2_000)
  expect(sent.at(-1)!.request).toMatchObject({ from: 7 })
  expect(base).toBe(101)
  expect(book.next.get(stream!.stream)).toBe(101)
  expect(logged.filter(({ fields }) => fields.code === 'PEER_FELL_BACK')).toMatchObject([
    { fields: { peer: 'tokyo', was: 100, next: 7 } }
  ])
})

test('an answer beyond what was sent is believed: an earlier copy had arrived', async () => {
  const { clock, queue, streams, sent } = setup({
    limits: { rangeBytesMax: 1_024 },
    reply: async request => Math.max(endOf(request), 90)
  })
  streams[0]!.appendMany(100)
  await queue.look()
  await clock.advance(1_000)
  expect(queue.status().acked).toBe(100)
  expect(sent.filter(({ request }) => request.from > 0 && endOf(request) < 90).length).toBeLessThanOrEqual(3)
})

test('what expired is skipped openly', async () => {
  const { clock, queue, streams, sent } = setup({ reply: async request => request.skip?.to ?? endOf(request) })
  streams[0]!.append(entryOf(0), undefined, undefined, entryOf(3))
  await queue.look()
  await clock.advance(100)
  expect(sent.map(({ request }) => request.skip ?? countOf(request))).toEqual([
    1,
    { from: 1, to: 3, reason: 'expired' },
    1
  ])
  expect(queue.status().acked).toBe(4)
})

test('closing waits for what is on its way, records it, and starts nothing more', async () => {
  const { clock, queue, streams, sent, book } = setup({
    limits: { rangeBytesMax: 1_024 },
    reply: async request => {
      await clock.sleep(500)
      return endOf(request)
    }
  })
  streams[0]!.appendMany(1_000)
  await queue.look()
  await clock.advance(10)
  const before = sent.length
  await clock.until(queue.close({ withinMs: 2_000 }))
  expect(clock.ticks()).toBeLessThan(600)
  expect(sent.length).toBe(before)
  expect(book.next.get(streams[0]!.stream)).toBe(endOf(sent.at(-1)!.request))
  queue.kick()
  queue.hint(streams[0]!)
  await clock.advance(10_000)
  expect(sent.length).toBe(before)
})

test('closing gives up after `withinMs` what never comes back, also when the transport does not notice', async () => {
  let aborted = 0
  const { clock, queue, streams } = setup({
    reply: (_request, signal) => {
      signal.addEventListener('abort', () => aborted++)
      return new Promise(() => undefined)
    }
  })
  streams[0]!.appendMany(1)
  await queue.look()
  await clock.advance(10)
  await clock.until(queue.close({ withinMs: 300 }))
  expect(aborted).toBe(1)
  expect(clock.ticks()).toBeLessThanOrEqual(310 + 1_000)
})

test('while answers cannot be recorded nothing more is sent, and it goes on by itself', async () => {
  const { clock, queue, streams, sent, book } = setup({ reply: async request => endOf(request) })
  book.write = async () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
  const [stream] = streams
  stream!.appendMany(1)
  await queue.look()
  await clock.advance(100)
  stream!.appendMany(1)
  queue.hint(stream!)
  await clock.advance(1_000)
  expect(sent).toHaveLength(1)
  expect(queue.status().troubled).toMatchObject([{ lastError: { code: 'DISK_FULL' } }])
  book.write = async () => undefined
  await clock.advance(60_000)
  expect(sent).toHaveLength(2)
  expect(book.next.get(stream!.stream)).toBe(2)
  expect(queue.status().troubled).toEqual([])
})
