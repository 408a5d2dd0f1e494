import { expect, test } from 'vitest'
import { bodies, InboxBed, positions, rangeOf, texts, verdict } from './inbox-bed.ts'

test('what was appended is handed out once, in order, byte for byte', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  expect(await bed.until(inbox.appendRange(rangeOf('s', 0, texts(5))))).toBe(5)
  const port = inbox.port({ own: true })
  const first = await bed.until(port.claim(bed.ask(2)))
  const second = await bed.until(port.claim(bed.ask(10)))
  const third = await bed.until(port.claim(bed.ask(10)))
  expect(bodies(bed, first)).toEqual(['m0', 'm1'])
  expect(bodies(bed, second)).toEqual(['m2', 'm3', 'm4'])
  expect(third).toMatchObject({ lease: '', runs: [] })
  expect(second.lease).not.toBe(first.lease)
})

test('a range that begins above what is here is refused with the place to go on from', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(3))))
  await expect(bed.until(inbox.appendRange(rangeOf('s', 5, texts(3))))).rejects.toMatchObject({
    code: 'STREAM_CONFLICT',
    next: 3
  })
  expect(await bed.until(inbox.appendRange(rangeOf('s', 1, texts(4))))).toBe(5)
  const claim = await bed.until(inbox.port({ own: true }).claim(bed.ask()))
  expect(positions(claim)).toEqual([0, 1, 2, 3, 4])
})

test('a higher priority comes first, and a message that came back comes before later ones', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('low', 0, texts(3, 'low'))))
  await bed.until(inbox.appendRange(rangeOf('high', 0, texts(2, 'high'), { priority: 9 })))
  const a = await bed.until(port.claim(bed.ask(1)))
  const b = await bed.until(port.claim(bed.ask(3)))
  expect([...bodies(bed, a), ...bodies(bed, b)]).toEqual(['high0', 'high1', 'low0', 'low1'])
  await bed.until(port.settle(verdict(b, 'release')))
  expect(bodies(bed, await bed.until(port.claim(bed.ask())))).toEqual(['high1', 'low0', 'low1', 'low2'])
})

test('an arrival that finds a waiting claim is handed out by the same commit', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  await bed.until(port.claim(bed.ask()))
  const waiting = port.claim(bed.ask(10, { waitMs: 10_000 }))
  let writes = 0
  await bed.world.clock.advance(1)
  const { files } = bed.process
  void files
  const rule = bed.node.disk.failNext({ call: 'writeSynced', code: 'EIO', after: 1_000 })
  const before = rule.hits
  const appended = inbox.appendRange(rangeOf('s', 1, texts(1)))
  const failing = bed.node.disk.failNext({ call: 'writeSynced', code: 'EIO', after: 1 })
  const claim = await bed.until(waiting)
  await bed.until(appended)
  expect(failing.hits + before + writes++).toBe(0)
  expect(positions(claim)).toEqual([1])
})

test('a claim that waits is answered with nothing at its deadline, and ABORTED when it is cancelled', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  const start = bed.world.clock.ticks()
  expect((await bed.until(port.claim(bed.ask(1, { waitMs: 5_000 })))).lease).toBe('')
  expect(bed.world.clock.ticks() - start).toBeCloseTo(5_000, -1)
  const abort = new AbortController()
  const claim = port.claim(bed.ask(1, { waitMs: 5_000 }), abort.signal)
  claim.catch(() => undefined)
  await bed.world.clock.advance(1)
  abort.abort()
  await expect(claim).rejects.toMatchObject({ code: 'ABORTED' })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  expect(positions(await bed.until(port.claim(bed.ask())))).toEqual([0])
})

test('an ACK told twice is ok twice, and a verdict under a lease that ended is refused without effect', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  const lost: string[] = []
  port.onLost = leases => lost.push(...leases)
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(4))))
  const a = await bed.until(port.claim(bed.ask(2)))
  expect(await bed.until(port.settle(verdict(a, 'ack')))).toEqual(['ok'])
  expect(await bed.until(port.settle(verdict(a, 'ack')))).toEqual(['ok'])
  expect(await bed.until(port.settle(verdict(a, 'retry')))).toEqual(['LEASE_LOST'])
  const b = await bed.until(port.claim(bed.ask(2, { leaseMs: 1_000 })))
  await bed.world.clock.advance(1_001)
  expect(lost).toEqual([b.lease])
  const c = await bed.until(port.claim(bed.ask(2)))
  expect(c.runs[0]).toMatchObject({ from: 2, count: 2, deliveries: 2, attempts: 1 })
  expect(await bed.until(port.settle(verdict(b, 'ack')))).toEqual(['LEASE_LOST'])
  expect(await bed.until(port.settle(verdict(c, 'ack')))).toEqual(['ok'])
  expect(inbox.depths()).toMatchObject([{ pending: 0, leased: 0, done: 4 }])
})

test('a retried message waits for its back-off and a message that fails too often ends with the dead letters', async () => {
  const bed = new InboxBed(1, { attemptsMax: 2, attemptMsMin: 1_000 })
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(2))))
  for (let attempt = 1; attempt <= 3; attempt++) {
    const claim = await bed.until(port.claim(bed.ask(1, { waitMs: 60_000 })))
    expect(claim.runs[0]).toMatchObject({ from: 0, attempts: attempt - 1, deliveries: attempt })
    expect(
      await bed.until(
        port.settle(verdict(claim, 'retry', { reason: `no ${attempt}`, ...(attempt < 3 && { afterMs: 0 }) }))
      )
    ).toEqual(['ok'])
  }
  expect(bed.dead).toMatchObject([
    { position: 0, reason: 'no 3', attempts: [{ reason: 'no 1' }, { reason: 'no 2' }, { reason: 'no 3' }] }
  ])
  const claim = await bed.until(port.claim(bed.ask()))
  expect(positions(claim)).toEqual([1])
  await bed.until(port.settle(verdict(claim, 'retry')))
  expect((await bed.until(port.claim(bed.ask()))).lease).toBe('')
  expect(positions(await bed.until(port.claim(bed.ask(1, { waitMs: 2_000 }))))).toEqual([1])
  expect(inbox.depths()).toMatchObject([{ dead: 1, leased: 1 }])
})

test('a message that kills its consumers ends with the dead letters, also when these cannot be written for a while', async () => {
  const bed = new InboxBed(1, { attemptsMax: 2 })
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  bed.buryError = new Error('full')
  for (let i = 0; i < 3; i++) {
    const port = inbox.port({ own: false })
    expect(positions(await bed.until(port.claim(bed.ask())))).toEqual([0])
    port.gone()
  }
  await bed.world.clock.advance(1_000)
  expect((await bed.until(inbox.port({ own: true }).claim(bed.ask()))).lease).toBe('')
  bed.buryError = undefined
  await bed.world.clock.advance(10_000)
  await bed.until(inbox.port({ own: true }).claim(bed.ask()))
  await bed.world.clock.advance(10)
  expect(bed.dead).toMatchObject([{ position: 0, reason: 'consumer gone' }])
  expect(bed.dead[0]!.attempts.length).toBe(3)
})

test('an expired message is not handed out', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const now = bed.world.clock.now()
  await bed.until(
    inbox.appendRange(
      rangeOf('s', 0, [{ body: 'a', expiresAt: now + 1_000 }, { body: 'b' }, { body: 'c', expiresAt: now + 9_000 }])
    )
  )
  await bed.world.clock.advance(2_000)
  const port = inbox.port({ own: true })
  expect(positions(await bed.until(port.claim(bed.ask())))).toEqual([1, 2])
  expect(inbox.depths()).toMatchObject([{ expired: 1, leased: 2 }])
})

test('E4: of two channels of 1,000 and 10 messages the small one is finished within 40 polls', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('big', 0, texts(1_000), { channel: 'big' })))
  await bed.until(inbox.appendRange(rangeOf('small', 0, texts(10), { channel: 'small' })))
  const port = inbox.port({ own: true })
  let small = 0
  for (let poll = 0; poll < 40; poll++) {
    const claim = await bed.until(port.claim(bed.ask(1, { channels: ['big', 'small'] })))
    small += claim.runs.filter(run => run.channel === 'small').length
  }
  expect(small).toBe(10)
})
