import { expect, test } from 'vitest'
import { InboxBed, positions, rangeOf, texts, verdict } from './inbox-bed.ts'

test('M22: with leasedMax 3 never 4 are held at once, over all consumers, and each verdict lets the next one out', async () => {
  const bed = new InboxBed(1)
  bed.channels.set('c', { leasedMax: 3 })
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(9))))
  const [a, b] = [inbox.port({ own: true }), inbox.port({ own: false })]
  const first = await bed.until(a.claim(bed.ask(2)))
  const second = await bed.until(b.claim(bed.ask(10)))
  expect([positions(first), positions(second)]).toEqual([[0, 1], [2]])
  expect((await bed.until(a.claim(bed.ask(10)))).lease).toBe('')
  const waiting = a.claim(bed.ask(10, { waitMs: 10_000 }))
  await bed.until(b.settle(verdict(second, 'ack')))
  expect(positions(await bed.until(waiting))).toEqual([3])
  expect(inbox.depths()).toMatchObject([{ leased: 3, pending: 5 }])
})

test('M22: what is held by a lease that ends, or goes to the dead letters, no longer counts against leasedMax', async () => {
  const bed = new InboxBed(1, { attemptsMax: 1 })
  bed.channels.set('c', { leasedMax: 1 })
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(2))))
  const port = inbox.port({ own: true })
  await bed.until(port.claim(bed.ask(1, { leaseMs: 1_000 })))
  expect(positions(await bed.until(port.claim(bed.ask(1, { leaseMs: 1_000, waitMs: 5_000 }))))).toEqual([0])
  expect(positions(await bed.until(port.claim(bed.ask(1, { waitMs: 5_000 }))))).toEqual([1])
  expect(bed.dead).toHaveLength(1)
})

test.each([1, 10, 1_000])(
  'M22: %i a second is that within 10 %%, and never early, however much is asked for',
  async rate => {
    const bed = new InboxBed(1)
    bed.channels.set('c', { handOutsPerSecondMax: rate })
    const inbox = await bed.open()
    const { clock } = bed.world
    const seconds = rate === 1 ? 30 : rate === 10 ? 10 : 3
    await bed.until(inbox.appendRange(rangeOf('s', 0, texts(rate * (seconds + 2)))))
    const ports = [inbox.port({ own: true }), inbox.port({ own: false })]
    const begun = clock.ticks()
    const given: { at: number; count: number }[] = []
    const take = async (port: (typeof ports)[number]) => {
      while (clock.ticks() - begun < seconds * 1_000) {
        const claim = await port.claim(bed.ask(1_000, { waitMs: 2_000 }))
        given.push({ at: clock.ticks() - begun, count: positions(claim).length })
      }
    }
    await bed.until(Promise.all(ports.map(take)))
    let sum = 0
    for (const { at, count } of given) {
      sum += count
      expect(sum).toBeLessThanOrEqual((at / 1_000) * rate + Math.max(1, rate * 0.05) + 1e-6)
    }
    const inTime = given.filter(({ at }) => at <= seconds * 1_000).reduce((all, { count }) => all + count, 0)
    expect(inTime / (rate * seconds)).toBeGreaterThan(0.9)
    expect(inTime / (rate * seconds)).toBeLessThan(1.1)
  }
)

test('a channel has its own lease, attempts and back-off, the others those of the limits, and new ones hold at once', async () => {
  const bed = new InboxBed(1, { attemptsMax: 5, attemptMsMin: 0, attemptMsMax: 0 })
  bed.channels.set('c', { leaseMs: 5_000, attemptsMax: 1, attemptMsMin: 60_000, attemptMsMax: 60_000 })
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  await bed.until(inbox.appendRange(rangeOf('t', 0, texts(1), { channel: 'd' })))
  const ask = { leaseMs: undefined }
  const c = await bed.until(port.claim(bed.ask(1, ask)))
  const d = await bed.until(port.claim(bed.ask(1, { ...ask, channels: ['d'] })))
  expect([c.leaseMs, d.leaseMs]).toEqual([5_000, 60_000])
  expect(c.leaseUntil - d.leaseUntil).toBeCloseTo(-55_000, -2)
  await bed.until(port.settle([...verdict(c, 'retry'), ...verdict(d, 'retry')]))
  expect((await bed.until(port.claim(bed.ask(1)))).lease).toBe('')
  bed.channels.set('d', { leaseMs: 7_000 })
  const both = await bed.until(port.claim(bed.ask(2, { ...ask, channels: ['d', 'c'], waitMs: 1 })))
  expect(both.leaseMs).toBe(7_000)
  expect(both.runs[0]).toMatchObject({ channel: 'd', attempts: 1 })
  const again = await bed.until(port.claim(bed.ask(1, { waitMs: 60_000 })))
  await bed.until(port.settle(verdict(again, 'retry', { reason: 'no' })))
  expect(bed.dead).toMatchObject([{ reason: 'no', attempts: [{}, {}] }])
})

test('attemptsMax 10 is 11 hand-outs: the first and ten more, then the message is dead with every error', async () => {
  const bed = new InboxBed(1, { attemptMsMin: 0, attemptMsMax: 0 })
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  let handed = 0
  for (;;) {
    const claim = await bed.until(port.claim(bed.ask(1)))
    if (claim.lease === '') break
    handed++
    await bed.until(port.settle(verdict(claim, 'retry', { reason: `no ${handed}` })))
  }
  expect(handed).toBe(11)
  expect(bed.dead.map(({ attempts }) => attempts.map(({ reason }) => reason))).toEqual([
    Array.from({ length: 11 }, (_, i) => `no ${i + 1}`)
  ])
})

test('a paused channel takes what comes and hands out nothing, also to who waited before, until it is resumed', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  const waiting = port.claim(bed.ask(1, { waitMs: 60_000 }))
  await bed.world.clock.advance(10)
  expect(await bed.until(port.steer({ act: 'pause', channel: 'c' }))).toMatchObject({ changed: 1 })
  expect(await bed.until(port.steer({ act: 'pause', channel: 'c' }))).toMatchObject({ changed: 0 })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(2))))
  await bed.until(inbox.appendRange(rangeOf('t', 0, texts(1), { channel: 'd' })))
  const other = await bed.until(port.claim(bed.ask(5, { channels: ['c', 'd'] })))
  expect(other.runs.map(run => run.channel)).toEqual(['d'])
  expect(inbox.depths()).toMatchObject([
    { channel: 'c', paused: true, pending: 2 },
    { channel: 'd', paused: false }
  ])
  await bed.until(port.steer({ act: 'resume', channel: 'c' }))
  expect(positions(await bed.until(waiting))).toEqual([0])
})

test('a pause that resolved survives a power cut, a checkpoint and the removal of its segment; so does its end', async () => {
  const bed = new InboxBed(1, { retentionMs: 0, retentionBytes: 0, segmentBytesMax: 65_536 })
  let inbox = await bed.open()
  const steer = (act: 'pause' | 'resume') => bed.until(inbox.port({ own: true }).steer({ act, channel: 'c' }))
  const paused = () => inbox.depths()[0]?.paused
  const fill = async (name: string) => {
    const range = rangeOf(name, 0, [{ body: 'x'.repeat(40_000) }, { body: 'x'.repeat(40_000) }])
    await bed.until(inbox.appendRange(range))
  }
  await steer('pause')
  inbox = await bed.restart({ powerCut: true })
  expect(paused()).toBe(true)
  await fill('s')
  await fill('t')
  await fill('u')
  inbox = await bed.restart({ inOrder: true })
  expect(paused()).toBe(true)
  await steer('resume')
  const port = inbox.port({ own: true })
  await bed.until(port.settle(verdict(await bed.until(port.claim(bed.ask(5))), 'ack')))
  await steer('pause')
  await fill('v')
  await bed.world.clock.advance(10)
  inbox = await bed.restart({ inOrder: true })
  await fill('w')
  await bed.world.clock.advance(10)
  expect(await bed.until(inbox.clean())).toBeGreaterThan(0)
  inbox = await bed.restart({ powerCut: true })
  expect(paused()).toBe(true)
  await steer('resume')
  inbox = await bed.restart({ powerCut: true })
  expect(paused()).toBe(false)
})

test('a pause that cannot be written is refused and does not hold', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  bed.node.disk.failNext({ call: 'writeSynced', code: 'EIO' })
  await expect(bed.until(port.steer({ act: 'pause', channel: 'c' }))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(positions(await bed.until(port.claim(bed.ask())))).toEqual([0])
})
