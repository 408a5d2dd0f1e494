import { expect, test } from 'vitest'
import { streamConflict } from '../../src/wire/upload-failure.ts'
import { entryOf, idsIn } from './model.ts'
import { countOf, endOf, failing, type Reply, setup } from './peer-queue-bed.ts'

test('what is there goes at once, without a timer, and what comes meanwhile goes together in the next ranges', async () => {
  const { clock, queue, streams, sent } = setup({
    reply: async request => {
      await clock.sleep(100)
      return endOf(request)
    }
  })
  const [stream] = streams
  stream!.appendMany(1)
  await queue.look()
  await clock.advance(0)
  expect(sent.map(({ request, at }) => [at, request.from, countOf(request)])).toEqual([[0, 0, 1]])
  for (let i = 0; i < 50; i++) {
    stream!.appendMany(1)
    queue.hint(stream!)
    await clock.advance(1)
  }
  await clock.advance(1_000)
  const counts = sent.map(({ request }) => countOf(request))
  expect(counts.reduce((sum, count) => sum + count)).toBe(51)
  expect(sent.length).toBeLessThanOrEqual(4)
  expect(queue.status()).toMatchObject({ acked: 51, inFlight: 0, state: 'ok' })
  const before = stream!.reads
  await clock.advance(60_000)
  expect(stream!.reads, 'an idle stream is not read').toBe(before)
  expect(clock.pending, 'and no timer runs').toBe(0)
})

test('several ranges of a stream are on their way at once, up to rangesPerStreamMax, and each position is sent once', async () => {
  const { clock, queue, streams, sent, underWayMax } = setup({
    limits: { rangeBytesMax: 70_000, rangesPerStreamMax: 3 },
    reply: async request => {
      await clock.sleep(100 - sent.length)
      return endOf(request)
    }
  })
  const [stream] = streams
  for (let i = 0; i < 200; i++) stream!.append(entryOf(i, 10_000))
  await queue.look()
  await clock.advance(10_000)
  expect(underWayMax()).toBe(3)
  expect(sent.flatMap(({ request }) => idsIn(request.entries))).toEqual(
    Array.from({ length: 200 }, (_, at) => `m-${at}`)
  )
})

test('uploads to one peer reach uploadsPerPeerMax and never exceed it', async () => {
  const { clock, queue, streams, underWayMax } = setup({
    streams: 30,
    limits: { uploadsPerPeerMax: 8, rangeBytesMax: 1_024 },
    reply: async request => {
      await clock.sleep(20)
      return endOf(request)
    }
  })
  for (const stream of streams) stream.appendMany(500)
  await queue.look()
  await clock.advance(60_000)
  expect(underWayMax()).toBe(8)
  expect(queue.status().acked).toBe(15_000)
})

test('C10 NET-2: retries to a dead peer stay under the back-off curve, and the first after it heals comes within the cap', async () => {
  let up = false
  const { clock, queue, streams, sent, limits } = setup({
    streams: 5,
    limits: { retryMsMin: 1_000, retryMsMax: 60_000 },
    reply: async request => (up ? endOf(request) : failing('PEER_UNREACHABLE'))
  })
  for (const stream of streams) stream.appendMany(10)
  await queue.look()
  for (let i = 0; i < 1_800; i++) {
    await clock.advance(2_000)
    void queue.look()
  }
  // 1 + 2 + 4 .. + 60 and then every 30 to 60 s for an hour; the first round may have had one upload of each slot.
  expect(sent.length).toBeLessThan(4 + 7 + 120)
  expect(sent.length).toBeGreaterThan(60)
  const late = sent.slice(10).map(({ at }) => at)
  for (let i = 1; i < late.length; i++) expect(late[i]! - late[i - 1]!).toBeGreaterThanOrEqual(29_999)
  expect(queue.status()).toMatchObject({ state: 'dead', inFlight: 0, lastError: { code: 'PEER_UNREACHABLE' } })
  expect(queue.status().nextTryAt).toBeGreaterThan(clock.now())
  up = true
  const healed = clock.ticks()
  const before = sent.length
  await clock.advance(limits.retryMsMax + 1_000)
  expect(sent[before]!.at - healed).toBeLessThanOrEqual(limits.retryMsMax + 1_000)
  expect(queue.status()).toMatchObject({ state: 'ok', failures: 0, acked: 50 })
})

test('a dead peer gets one probe at a time', async () => {
  const { clock, queue, streams, sent } = setup({
    streams: 10,
    limits: { retryMsMin: 1_000, retryMsMax: 2_000 },
    reply: async () => {
      await clock.sleep(500)
      return failing('PEER_TIMEOUT')
    }
  })
  for (const stream of streams) stream.appendMany(1)
  await queue.look()
  await clock.advance(60_000)
  const late = sent.slice(-20).map(({ at }) => at)
  for (let i = 1; i < late.length; i++) expect(late[i]! - late[i - 1]!).toBeGreaterThanOrEqual(500 + 1_000)
})

test('a stream that the peer refuses for now waits alone, as long as Retry-After says', async () => {
  const { clock, queue, streams, sent } = setup({
    streams: 2,
    reply: async request =>
      request.channel === 'c0' ? failing('SERVER_BUSY', { retryAfterMs: 30_000 }) : endOf(request)
  })
  for (const stream of streams) stream.appendMany(1)
  await queue.look()
  for (let i = 0; i < 59; i++) {
    streams[1]!.appendMany(1)
    queue.hint(streams[1]!)
    await clock.advance(1_000)
  }
  expect(sent.filter(({ request }) => request.channel === 'c0')).toHaveLength(2)
  expect(sent.filter(({ request }) => request.channel === 'c1')).toHaveLength(60)
  expect(queue.status()).toMatchObject({ state: 'ok', failures: 0 })
  expect(queue.status().troubled).toMatchObject([{ channel: 'c0', failures: 2, lastError: { code: 'SERVER_BUSY' } }])
})

test('C15: a NAK without Retry-After gives fewer than 20 requests in 60 s', async () => {
  for (const code of ['SERVER_BUSY', 'DISK_FULL', 'STREAM_CONFLICT', 'PEER_PROTOCOL', 'PEER_FORBIDDEN'] as const) {
    const { clock, queue, streams, sent } = setup({ reply: async () => failing(code) })
    streams[0]!.appendMany(1_000)
    await queue.look()
    await clock.advance(60_000)
    expect(sent.length, code).toBeLessThan(20)
  }
})

test('C15: a peer that answers, again and again, that it has nothing new gives no hot loop', async () => {
  const answers: Reply[] = [async () => 0, async () => Promise.reject(streamConflict(0, 'elsewhere'))]
  for (const reply of answers) {
    const { clock, queue, streams, sent } = setup({ reply, limits: { rangeBytesMax: 1_024 } })
    streams[0]!.appendMany(1_000)
    await queue.look()
    await clock.advance(60_000)
    expect(sent.length).toBeLessThan(20)
    expect(queue.status().troubled).toMatchObject([{ lastError: { code: 'STREAM_CONFLICT' } }])
  }
})

test('a stream whose uploads always time out holds up no other, however rarely those send', async () => {
  const delays: number[] = []
  const { clock, queue, streams, sent } = setup({
    streams: 2,
    priorities: [9, 0],
    reply: async request => {
      if (request.channel === 'c1') return endOf(request)
      await clock.sleep(10_000)
      return failing('PEER_TIMEOUT')
    }
  })
  streams[0]!.appendMany(1)
  await queue.look()
  await clock.advance(120_000)
  for (let i = 0; i < 20; i++) {
    streams[1]!.appendMany(1)
    queue.hint(streams[1]!)
    const since = clock.ticks()
    await clock.advance(47_000)
    delays.push(sent.filter(({ request }) => request.channel === 'c1').at(-1)!.at - since)
  }
  expect(sent.filter(({ request }) => request.channel === 'c1')).toHaveLength(20)
  expect(Math.max(...delays)).toBeLessThanOrEqual(10_000)
  expect(delays.filter(delay => delay > 0).length).toBeLessThanOrEqual(4)
})
