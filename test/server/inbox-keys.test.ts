import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bodies, type DraftOf, InboxBed, rangeOf, verdict } from './inbox-bed.ts'

/** `a1` is a message of key `a`; `-1` one without. */
function keyed(...names: string[]): DraftOf[] {
  return names.map(name => (name.startsWith('-') ? { body: name } : { body: name, id: name, key: name[0]! }))
}

async function bedWith(names: string[], limits: Record<string, number> = {}) {
  const bed = new InboxBed(1, { attemptMsMin: 1_000, attemptMsMax: 1_000, ...limits })
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, keyed(...names))))
  return bed
}

test('of one key one message is out at a time, in order, over all consumers; others go past it', async () => {
  const bed = await bedWith(['a1', 'a2', 'b1', '-1', 'a3', 'b2', '-2'])
  const [one, two] = [bed.inbox.port({ own: true }), bed.inbox.port({ own: false })]
  const first = await bed.until(one.claim(bed.ask(10)))
  expect(bodies(bed, first)).toEqual(['a1', 'b1', '-1', '-2'])
  expect((await bed.until(two.claim(bed.ask(10)))).lease).toBe('')
  expect(bed.inbox.depths()).toMatchObject([{ leased: 4, pending: 3 }])
  const waiting = two.claim(bed.ask(10, { waitMs: 10_000 }))
  await bed.until(one.settle(verdict(first, 'ack').slice(0, 1)))
  const second = await bed.until(waiting)
  expect(bodies(bed, second)).toEqual(['a2'])
  await bed.until(one.settle(verdict(first, 'ack')))
  expect(bodies(bed, await bed.until(one.claim(bed.ask(10))))).toEqual(['b2'])
  await bed.until(two.settle(verdict(second, 'ack')))
  expect(bodies(bed, await bed.until(one.claim(bed.ask(10))))).toEqual(['a3'])
})

test('a key whose message waits to be tried again blocks its own messages and no others, whatever their priority', async () => {
  const bed = await bedWith(['a1', 'a2', 'b1'])
  const port = bed.inbox.port({ own: true })
  const first = await bed.until(port.claim(bed.ask(1)))
  await bed.until(port.settle(verdict(first, 'retry', { afterMs: 5_000 })))
  await bed.until(bed.inbox.appendRange(rangeOf('high', 0, keyed('a9', 'c1'), { priority: 9 })))
  expect(bodies(bed, await bed.until(port.claim(bed.ask(10))))).toEqual(['c1', 'b1'])
  const again = await bed.until(port.claim(bed.ask(10, { waitMs: 10_000 })))
  expect(bodies(bed, again)).toEqual(['a1'])
  await bed.until(port.settle(verdict(again, 'reject')))
  const high = await bed.until(port.claim(bed.ask(10)))
  expect(bodies(bed, high)).toEqual(['a9'])
  await bed.until(port.settle(verdict(high, 'release')))
  expect(bodies(bed, await bed.until(port.claim(bed.ask(10))))).toEqual(['a9'])
})

test.each(['killed', 'power cut', 'in order'])(
  'keys keep their order over owners (%s), also those that were being tried',
  async how => {
    const bed = await bedWith(['a1', 'a2', 'b1', 'b2', 'c1'], { segmentBytesMax: 65_536 })
    const port = bed.inbox.port({ own: false })
    const first = await bed.until(port.claim(bed.ask(10, { leaseMs: 1_000 })))
    expect(bodies(bed, first)).toEqual(['a1', 'b1', 'c1'])
    await bed.until(port.settle(verdict(first, 'retry', { afterMs: 60_000 }).slice(0, 1)))
    await bed.restart({ powerCut: how === 'power cut', inOrder: how === 'in order' })
    const next = bed.inbox.port({ own: true })
    expect((await bed.until(next.claim(bed.ask(10)))).lease).toBe('')
    await bed.until(bed.inbox.appendRange(rangeOf('t', 0, keyed('a3', 'd1'))))
    const d1 = await bed.until(next.claim(bed.ask(10)))
    expect(bodies(bed, d1)).toEqual(['d1'])
    await bed.until(next.settle(verdict(d1, 'ack')))
    // The lease of the consumer that is gone ends: b1 and c1 come back, b2 waits on.
    const back = await bed.until(next.claim(bed.ask(10, { waitMs: 10_000 })))
    expect(bodies(bed, back)).toEqual(['b1', 'c1'])
    await bed.until(next.settle(verdict(back, 'ack')))
    expect(bodies(bed, await bed.until(next.claim(bed.ask(10))))).toEqual(['b2'])
    const a1 = await bed.until(next.claim(bed.ask(10, { waitMs: 120_000 })))
    expect(bodies(bed, a1)).toEqual(['a1'])
    await bed.until(next.settle(verdict(a1, 'ack')))
    expect(bodies(bed, await bed.until(next.claim(bed.ask(10))))).toEqual(['a2'])
  }
)

test('a message whose time is over, or whose write failed, does not keep its key', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  const waiting = port.claim(bed.ask(10, { waitMs: 60_000 }))
  waiting.catch(() => undefined)
  await bed.world.clock.advance(1)
  bed.node.disk.failNext({ call: 'writeSynced', code: 'EIO' })
  await expect(bed.until(inbox.appendRange(rangeOf('s', 0, keyed('a1'))))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  await expect(bed.until(waiting)).rejects.toMatchObject({ code: 'DISK_ERROR' })
  const soon = bed.world.clock.now() + 1_000
  await bed.until(inbox.appendRange(rangeOf('s', 0, [...keyed('a1'), { body: 'a2', key: 'a', expiresAt: soon }])))
  await bed.until(inbox.appendRange(rangeOf('t', 0, keyed('a3'))))
  const first = await bed.until(port.claim(bed.ask(10)))
  expect(bodies(bed, first)).toEqual(['a1'])
  await bed.world.clock.advance(2_000)
  await bed.until(port.settle(verdict(first, 'ack')))
  expect(bodies(bed, await bed.until(port.claim(bed.ask(10))))).toEqual(['a3'])
  expect(inbox.depths()).toMatchObject([{ expired: 1 }])
})

test('20,000 messages behind one that is stuck are a few hundred pieces, others pass them, and they come out in order', async () => {
  const bed = new InboxBed(1, {}, 4)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  const per = 500
  for (let i = 0; i < 40; i++) {
    const drafts = Array.from({ length: per }, (_, j) => ({ body: String(i * per + j), key: 'stuck' }))
    await bed.until(inbox.appendRange(rangeOf('s', i * per, drafts)))
  }
  await bed.until(inbox.appendRange(rangeOf('t', 0, keyed('b1'))))
  const stuck = await bed.until(port.claim(bed.ask(1)))
  expect(bodies(bed, await bed.until(port.claim(bed.ask(10))))).toEqual(['b1'])
  expect(inbox.stream(rangeOf('s', 0, []).stream)!.all().length).toBeLessThan(100)
  let claim = stuck
  for (let i = 0; i < 600; i++) {
    expect(bodies(bed, claim)).toEqual([String(i)])
    await bed.until(port.settle(verdict(claim, 'ack')))
    claim = await bed.until(port.claim(bed.ask(10)))
  }
  expect(inbox.stream(rangeOf('s', 0, []).stream)!.all().length).toBeLessThan(200)
})

test('whatever verdicts, deaths and orders: one of a key at a time, each key in order, all finished', async () => {
  const plan = fc.record({
    names: fc.array(fc.constantFrom('a', 'b', 'c', '-'), { minLength: 1, maxLength: 30 }),
    steps: fc.array(
      fc.record({
        act: fc.constantFrom('claim', 'ack', 'retry', 'release', 'restart', 'send', 'wait', 'hold', 'unhold'),
        n: fc.integer({ min: 1, max: 4 })
      }),
      { maxLength: 40 }
    )
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ names, steps }) => {
      const first = names.map((name, i) => `${name}${i}`)
      const bed = await bedWith(first, { attemptsMax: 1_000_000 })
      let sent = names.length
      let held: { claim: Awaited<ReturnType<ReturnType<typeof bed.inbox.port>['claim']>>; names: string[] }[] = []
      let port = bed.inbox.port({ own: true })
      const done: string[] = []
      const kept = new Set<string>()
      const hold = async (act: 'hold' | 'unhold', id: string) => {
        if (id.startsWith('-')) return
        await bed.until(port.steer({ act, id }))
        kept[act === 'hold' ? 'add' : 'delete'](id)
      }
      const claim = async (max: number, waitMs = 0) => {
        const got = await bed.until(port.claim(bed.ask(max, { leaseMs: 3_600_000, waitMs })))
        if (got.lease !== '') held.push({ claim: got, names: bodies(bed, got) })
        for (const name of got.lease === '' ? [] : bodies(bed, got)) expect(kept.has(name)).toBe(false)
        const out = held.flatMap(one => one.names).filter(name => !name.startsWith('-'))
        expect(new Set(out.map(name => name[0])).size).toBe(out.length)
        for (const name of out)
          for (const before of done)
            if (before[0] === name[0]) expect(Number(before.slice(1))).toBeLessThan(Number(name.slice(1)))
        return got.lease !== ''
      }
      const settle = async (kind: 'ack' | 'retry' | 'release') => {
        const one = held.shift()
        if (one === undefined) return
        await bed.until(port.settle(verdict(one.claim, kind)))
        if (kind === 'ack') done.push(...one.names)
      }
      for (const { act, n } of steps) {
        if (act === 'claim') await claim(n)
        else if (act === 'wait') await bed.world.clock.advance(n * 400)
        else if (act === 'send') {
          const more = Array.from({ length: n }, (_, i) => `${'abc'[(sent + i) % 3]}${sent + i}`)
          await bed.until(bed.inbox.appendRange(rangeOf('s', sent, keyed(...more))))
          sent += n
        } else if (act === 'restart') {
          await bed.restart({ powerCut: n > 2 })
          held = []
          port = bed.inbox.port({ own: true })
        } else if (act === 'hold' || act === 'unhold') await hold(act, first[n] ?? first[0]!)
        else await settle(act)
      }
      for (const id of kept) await hold('unhold', id)
      for (let idle = 0; idle < 3 && done.length < sent; ) {
        idle = (await claim(3, 2_000)) ? 0 : idle + 1
        while (held.length > 0) await settle('ack')
      }
      expect(done.length).toBe(sent)
    }),
    { numRuns: 60 }
  )
})
