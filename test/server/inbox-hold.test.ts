import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { bodies, type DraftOf, InboxBed, rangeOf, verdict } from './inbox-bed.ts'

const drafts = (...names: string[]): DraftOf[] =>
  names.map(name => ({ body: name, id: name, ...(name.startsWith('k') && { key: 'k' }) }))

async function bedWith(names: string[], limits: Record<string, number> = {}) {
  const bed = new InboxBed(1, { attemptMsMin: 1_000, attemptMsMax: 1_000, ...limits })
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, drafts(...names))))
  return bed
}

const port = (bed: InboxBed) => bed.inbox.port({ own: true })
const steer = (bed: InboxBed, act: 'hold' | 'unhold', id: string) => bed.until(port(bed).steer({ act, id }))
const next = async (bed: InboxBed, more: object = {}) =>
  bodies(bed, await bed.until(port(bed).claim(bed.ask(10, more))))

test('a message that is held is passed over, and let go it comes in its place', async () => {
  const bed = await bedWith(['a', 'b', 'c'])
  expect(await steer(bed, 'hold', 'b')).toEqual({ found: 1, changed: 1 })
  expect(await steer(bed, 'hold', 'b')).toEqual({ found: 1, changed: 0 })
  expect(await steer(bed, 'hold', 'nobody')).toEqual({ found: 0, changed: 0 })
  expect(bed.inbox.depths()).toMatchObject([{ pending: 2, held: 1 }])
  expect(bed.inbox.depthOf('c')).toBe(3)
  const first = await bed.until(port(bed).claim(bed.ask(10)))
  expect(bodies(bed, first)).toEqual(['a', 'c'])
  const waiting = port(bed).claim(bed.ask(10, { waitMs: 10_000 }))
  expect(await steer(bed, 'unhold', 'b')).toEqual({ found: 1, changed: 1 })
  expect(bodies(bed, await bed.until(waiting))).toEqual(['b'])
  await bed.until(port(bed).settle(verdict(first, 'ack')))
  expect(await steer(bed, 'hold', 'a')).toEqual({ found: 0, changed: 0 })
})

test('one that somebody has is held when it comes back, by whatever way; an ack still finishes it', async () => {
  const bed = await bedWith(['a', 'b', 'c', 'd'])
  const claims = []
  for (let i = 0; i < 4; i++) claims.push(await bed.until(port(bed).claim(bed.ask(1, { leaseMs: 5_000 }))))
  for (const id of ['a', 'b', 'c', 'd']) await steer(bed, 'hold', id)
  expect(bed.inbox.depths()).toMatchObject([{ leased: 4, held: 0 }])
  await bed.until(port(bed).settle(verdict(claims[0]!, 'ack')))
  await bed.until(port(bed).settle(verdict(claims[1]!, 'retry', { afterMs: 1_000 })))
  await bed.until(port(bed).settle(verdict(claims[2]!, 'release')))
  await bed.world.clock.advance(6_000)
  expect(await next(bed)).toEqual([])
  expect(bed.inbox.depths()).toMatchObject([{ done: 1, held: 3, leased: 0, delayed: 0, pending: 0 }])
  for (const id of ['b', 'c', 'd']) await steer(bed, 'unhold', id)
  const again = await bed.until(port(bed).claim(bed.ask(10)))
  expect(bodies(bed, again)).toEqual(['b', 'c', 'd'])
  expect(again.runs.map(run => run.attempts)).toEqual([1, 0, 1])
})

test('a held message holds up its key and no other, over a restart too', async () => {
  const bed = await bedWith(['k1', 'k2', 'a'])
  await steer(bed, 'hold', 'k1')
  const a = await bed.until(port(bed).claim(bed.ask(10)))
  expect(bodies(bed, a)).toEqual(['a'])
  await bed.until(port(bed).settle(verdict(a, 'ack')))
  await bed.restart()
  expect(await next(bed)).toEqual([])
  await steer(bed, 'unhold', 'k1')
  const k1 = await bed.until(port(bed).claim(bed.ask(10)))
  expect(bodies(bed, k1)).toEqual(['k1'])
  await steer(bed, 'hold', 'k2')
  await bed.until(port(bed).settle(verdict(k1, 'ack')))
  expect(await next(bed)).toEqual([])
  await steer(bed, 'unhold', 'k2')
  expect(await next(bed)).toEqual(['k2'])
})

test('a hold that resolved survives a power cut, a checkpoint and a move to another segment; so does its end', async () => {
  const bed = new InboxBed(1, {
    retentionMs: 0,
    retentionBytes: 0,
    segmentBytesMax: 65_536,
    attemptMsMin: 0,
    attemptMsMax: 0
  })
  await bed.open()
  const fill = async (name: string) => {
    const big = { body: 'x'.repeat(40_000) }
    await bed.until(bed.inbox.appendRange(rangeOf(name, 0, [{ body: name, id: name }, big, big])))
  }
  await fill('s')
  // One that has been tried once, one that has not.
  const first = await bed.until(port(bed).claim(bed.ask(1)))
  await bed.until(port(bed).settle(verdict(first, 'retry', { reason: 'no' })))
  await fill('t')
  for (const id of ['s', 't']) expect(await steer(bed, 'hold', id)).toMatchObject({ changed: 1 })
  await bed.restart({ powerCut: true })
  expect(bed.inbox.depths()).toMatchObject([{ held: 2, pending: 4 }])
  await bed.until(port(bed).settle(verdict(await bed.until(port(bed).claim(bed.ask(10))), 'ack')))
  await bed.restart({ inOrder: true })
  await fill('u')
  await bed.world.clock.advance(10)
  expect(await bed.until(bed.inbox.clean())).toBeGreaterThan(0)
  await bed.restart({ powerCut: true })
  expect(bed.inbox.depths()).toMatchObject([{ held: 2, pending: 3 }])
  await steer(bed, 'unhold', 's')
  await bed.restart({ inOrder: true })
  const s = await bed.until(port(bed).claim(bed.ask(1)))
  expect([bodies(bed, s), s.runs[0]!.attempts]).toEqual([['s'], 1])
  expect(bed.inbox.depths()).toMatchObject([{ held: 1 }])
})

test('a held message that cannot be read any more is let go with what is asked for, and given to who finds out', async () => {
  const bed = await bedWith(['first', 'second', 'third'])
  for (const id of ['first', 'second']) await steer(bed, 'hold', id)
  const { disk } = bed.node
  const [segment] = await bed.until(listSegments(disk, '/spool/inbox/c'))
  disk.flip(segment!.path, disk.peek(segment!.path)!.indexOf('second'), 2)
  expect(await steer(bed, 'hold', 'nobody')).toEqual({ found: 0, changed: 0 })
  expect(bed.inbox.depths()).toMatchObject([{ pending: 1, held: 2 }])
  expect(await steer(bed, 'unhold', 'second')).toEqual({ found: 0, changed: 0 })
  expect(bed.inbox.depths()).toMatchObject([{ pending: 2, held: 1 }])
  const { runs } = await bed.until(port(bed).claim(bed.ask(10)))
  expect(runs.map(({ from }) => from)).toEqual([1, 2])
  // Whoever comes after a power cut does not hold it either.
  await bed.restart({ powerCut: true })
  expect(bed.inbox.depths()).toMatchObject([{ held: 1 }])
})

test('a hold that cannot be written is refused and does not hold', async () => {
  const bed = await bedWith(['a'])
  bed.node.disk.failNext({ call: 'writeSynced', code: 'EIO' })
  await expect(steer(bed, 'hold', 'a')).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(await next(bed)).toEqual(['a'])
})

test('a hold while a verdict is on its way counts for what becomes of the message', async () => {
  const bed = await bedWith(['a', 'b'])
  const claim = await bed.until(port(bed).claim(bed.ask(2)))
  const settled = port(bed).settle(verdict(claim, 'release'))
  expect(await steer(bed, 'hold', 'b')).toEqual({ found: 1, changed: 1 })
  await bed.until(settled)
  expect(await next(bed)).toEqual(['a'])
})

test('a message is found by its id without reading what came before it was made, or what another sender sent', async () => {
  const bed = new InboxBed(3)
  const inbox = await bed.open()
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ body: `${i}`.padEnd(3_000) }))
  // Old ones, then, two hours later, those among which the message is; and more of another node.
  for (let i = 0; i < 8; i++) await bed.until(inbox.appendRange(rangeOf('s', i * 200, many(200))))
  await bed.world.clock.advance(7_200_000)
  const now = bed.world.clock.now()
  const id = `${now
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7000-8000-000000000000`
  await bed.until(
    inbox.appendRange(
      rangeOf('s', 1_600, [
        { body: 'mine', id },
        { body: 'given', id: 'order 1' }
      ])
    )
  )
  const origin = 'bb'.repeat(16)
  for (let i = 0; i < 8; i++)
    await bed.until(inbox.appendRange(rangeOf('t', i * 200, many(200), { origin, node: 'other' })))
  let reads = 0
  bed.node.disk.failNext({
    call: 'pread',
    code: 'EIO',
    path: path => {
      if (path.endsWith('.seg')) reads++
      return false
    }
  })
  const readFor = async (wanted: string) => {
    reads = 0
    return [await bed.until(inbox.port({ own: true }).steer({ act: 'hold', id: wanted })), reads] as const
  }
  const [mine, few] = await readFor(id)
  expect(mine).toEqual({ found: 1, changed: 1 })
  const [given, fewer] = await readFor('order 1')
  expect(given).toEqual({ found: 1, changed: 1 })
  const [none, no] = await readFor('order 2')
  expect([none, no]).toEqual([{ found: 0, changed: 0 }, 0])
  // What is nowhere is looked for everywhere: a clock may have been wrong by hours.
  const [, all] = await readFor(id.replace(/0$/, '1'))
  // Each range is a block of its own, and is read by itself.
  expect(all - few).toBeGreaterThanOrEqual(7)
  expect(all - fewer).toBeGreaterThanOrEqual(7)
})

test('a pause that the full disk refused fails nothing later: what is asked when there is room again is done', async () => {
  const bed = new InboxBed(70)
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, drafts('a'))))
  const { disk } = bed.node
  disk.capacityBytes = 0
  await expect(bed.until(inbox.steer({ act: 'pause', channel: 'c' }))).rejects.toMatchObject({ code: 'DISK_FULL' })
  disk.capacityBytes = Number.POSITIVE_INFINITY
  expect(await bed.until(inbox.steer({ act: 'resume', channel: 'c' }))).toEqual({ found: 1, changed: 0 })
})

/** Rejected, and yet it may be on the disk: the bytes are, and what asks for them to be synced fails. */
const failSync = (bed: InboxBed) =>
  bed.node.disk.failNext({
    call: 'writeSynced',
    code: 'EIO',
    path: p => p.includes('/inbox/'),
    partialBytes: 1_000_000
  })

test('a wish that failed does not come true at the next owner, once its opposite was granted', async () => {
  const bed = await bedWith(['a'])
  const pause = (act: 'pause' | 'resume') => bed.until(bed.inbox.steer({ act, channel: 'c' }))
  for (const powerCut of [false, true]) {
    failSync(bed)
    await expect(pause('pause')).rejects.toMatchObject({ code: 'DISK_ERROR' })
    expect(await pause('resume')).toEqual({ found: 1, changed: 0 })
    await bed.restart({ powerCut })
    expect(bed.inbox.depths()).toMatchObject([{ pending: 1, paused: false }])
    failSync(bed)
    await expect(steer(bed, 'hold', 'a')).rejects.toMatchObject({ code: 'DISK_ERROR' })
    expect(await steer(bed, 'unhold', 'a')).toEqual({ found: 1, changed: 0 })
    await bed.restart({ powerCut })
    expect(bed.inbox.depths()).toMatchObject([{ pending: 1, held: 0 }])
  }
  expect(await next(bed)).toEqual(['a'])
})

test('who asks for what is so already by a wish on its way fails with it, whatever else was asked meanwhile', async () => {
  const bed = await bedWith(['a', 'b'])
  const outcomes = new Set<string>()
  for (let turns = 0; turns < 100; turns++) {
    bed.node.disk.failNext({ call: 'writeSynced', code: 'EIO' })
    const hold = (id: string) => port(bed).steer({ act: 'hold', id })
    const first = hold('a')
    const rest = (async () => {
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      return await Promise.allSettled([hold('nobody'), hold('b'), hold('a')])
    })()
    await expect(bed.until(first)).rejects.toMatchObject({ code: 'DISK_ERROR' })
    const [, , second] = await bed.until(rest)
    const { changed } = await steer(bed, 'unhold', 'a')
    expect(second!.status, `${turns} turns later`).toBe(changed === 1 ? 'fulfilled' : 'rejected')
    outcomes.add(second!.status)
    await steer(bed, 'unhold', 'b')
  }
  expect([...outcomes].toSorted()).toEqual(['fulfilled', 'rejected'])
})
