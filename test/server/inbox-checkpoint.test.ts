import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SegmentLedger } from '../../src/server/segment-ledger.ts'
import { bodies, InboxBed, positions, rangeOf, texts, verdict } from './inbox-bed.ts'

const SMALL = { segmentBytesMax: 65_536, retentionMs: 0, attemptMsMin: 100 }

function large(count: number, prefix = 'm') {
  return texts(count, prefix).map(({ body }) => ({ body: `${body} ${'x'.repeat(2_000)}` }))
}

async function fill(bed: InboxBed, stream: string, ranges: number, count = 10): Promise<void> {
  for (let i = 0; i < ranges; i++)
    await bed.until(bed.inbox.appendRange(rangeOf(stream, i * count, large(count, `${stream}${i}-`))))
}

async function segments(bed: InboxBed): Promise<string[]> {
  const found = await bed.until(listSegments(bed.process.files, '/spool/inbox/c'))
  return found.map(({ path }) => path)
}

test('a restart reads of sealed segments only their ends', async () => {
  const bed = new InboxBed('checkpoint', SMALL)
  await bed.open()
  await fill(bed, 'a', 20)
  const port = bed.inbox.port({ own: false })
  const held = await bed.until(port.claim(bed.ask(25)))
  await bed.until(port.settle(verdict(held, 'ack').slice(0, 2)))
  await fill(bed, 'b', 20)
  const whole = (await segments(bed)).slice(0, -1)
  expect(whole.length).toBeGreaterThan(5)
  const before = bed.inbox.depths()
  // Damage in the middle of what is sealed: who reads it, sets it aside.
  for (const path of whole) bed.node.disk.flip(path, 5_000, 1)
  const inbox = await bed.restart()
  expect(await bed.until(bed.process.files.list('/spool/corrupt').catch(() => []))).toEqual([])
  expect(inbox.depths()).toMatchObject([{ pending: before[0]!.pending, leased: before[0]!.leased, done: 20 }])
  const again = inbox.port({ own: false })
  expect(await again.adopt([{ lease: held.lease, remainingMs: 10_000 }])).toEqual([])
  expect(await bed.until(again.settle(verdict(held, 'ack')))).toEqual(['ok', 'ok', 'ok'])
})

test('one old message does not keep the finished ones after it, and keeps its past when it is moved', async () => {
  const bed = new InboxBed('move', SMALL)
  await bed.open()
  await fill(bed, 'a', 1)
  const port = bed.inbox.port({ own: false })
  const first = await bed.until(port.claim(bed.ask(10)))
  const [run] = first.runs
  const said = { lease: first.lease, channel: 'c', stream: run!.stream }
  await bed.until(
    port.settle([
      { ...said, runs: [[3, 4]], verdict: 'retry', afterMs: 50_000_000, reason: 'not yet' },
      {
        ...said,
        runs: [
          [0, 3],
          [4, 10]
        ],
        verdict: 'ack'
      }
    ])
  )
  await fill(bed, 'b', 30)
  for (;;) {
    const claim = await bed.until(port.claim(bed.ask(50)))
    if (claim.lease === '') break
    await bed.until(port.settle(verdict(claim, 'ack')))
  }
  await fill(bed, 'd', 1)
  const files = (await segments(bed)).length
  await bed.world.clock.advance(1_000)
  expect(await bed.until(bed.inbox.clean())).toBeGreaterThan(5)
  expect((await segments(bed)).length).toBeLessThan(files - 5)
  for (const powerCut of [false, true]) {
    const inbox = await bed.restart({ powerCut })
    expect(inbox.depths()).toMatchObject([{ pending: 10, delayed: 1 }])
  }
  await bed.world.clock.advance(60_000_000)
  const claim = await bed.until(bed.inbox.port({ own: true }).claim(bed.ask(1)))
  expect(positions(claim)).toEqual([3])
  expect(claim.runs[0]).toMatchObject({ deliveries: 2, attempts: 1 })
  expect(bodies(bed, claim)[0]).toMatch(/^a0-3 /)
})

test('many frames that wait are one block each thousand, and come out in order, each once', async () => {
  const bed = new InboxBed('joined', {}, 4)
  await bed.open()
  for (let i = 0; i < 300; i++) await bed.until(bed.inbox.appendRange(rangeOf('a', i, [{ body: `m${i}` }])))
  const port = bed.inbox.port({ own: true })
  const seen: string[] = []
  for (;;) {
    const claim = await bed.until(port.claim(bed.ask(7)))
    if (claim.lease === '') break
    seen.push(...bodies(bed, claim))
    await bed.until(port.settle(verdict(claim, 'ack')))
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => `m${i}`))
})

test.each([
  { exact: true, title: 'while few wait some two thousand', atLeast: 1_024, atMost: 2_048 },
  { exact: false, title: 'behind many fewer than a thousand', atLeast: 128, atMost: 1_000 }
])(
  'a segment of 16,384 one-message frames of 128 streams is $title rows of a checkpoint',
  ({ exact, atLeast, atMost }) => {
    const ledger = new SegmentLedger(1)
    const [streams, each] = [128, 128]
    for (let order = 0; order < streams * each; order++) {
      const from = Math.floor(order / streams)
      const source = { origin: 'o', node: 'n', stream: `s${order % streams}`, priority: 4, from, to: from + 1, order }
      const facts = { present: [[from, from + 1] as [number, number]], bytes: 300, at: 1, keys: [], refused: [], exact }
      const place = { path: '/p', n: 1, offset: order * 400, payloadAt: order * 400 + 100 }
      ledger.range(source, place, { ...facts, expiring: false, receipts: false, keyed: false })
    }
    expect(ledger.extents.length).toBeGreaterThanOrEqual(atLeast)
    expect(ledger.extents.length).toBeLessThan(atMost)
    expect(ledger.extents.reduce((count, { from, to }) => count + to - from, 0)).toBe(streams * each)
  }
)
