import { expect, test } from 'vitest'
import type { Inbox } from '../../src/server/inbox.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { silentLog } from '../../src/system/log.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { bodies, InboxBed, positions, rangeOf, streamId, texts, verdict } from './inbox-bed.ts'

test('an id that came before is not handed out again, also after a restart and from another stream', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  const twice = [
    { body: 'a', id: 'one' },
    { body: 'b', id: 'two' },
    { body: 'c', id: 'one' }
  ]
  await bed.until(inbox.appendRange(rangeOf('s', 0, twice)))
  expect(positions(await bed.until(inbox.port({ own: true }).claim(bed.ask())))).toEqual([0, 1])
  inbox = await bed.restart({ powerCut: true })
  expect(await bed.until(inbox.appendRange(rangeOf('t', 0, [{ id: 'two' }, { id: 'three' }])))).toBe(2)
  expect(inbox.stream(streamId('t'))!.refusals()).toEqual([])
  const port = inbox.port({ own: true })
  const claim = await bed.until(port.claim(bed.ask()))
  expect(claim.runs.map(run => [run.stream, run.from, run.count])).toEqual([
    [streamId('s'), 0, 2],
    [streamId('t'), 1, 1]
  ])
  expect((await bed.until(port.claim(bed.ask()))).lease).toBe('')
})

test('refusals are kept with the range, come back after a restart, and end when the sender has noted them', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  const refused = [{ at: 1, id: 'x', code: 'MESSAGE_TOO_LARGE' as const, detail: 'big' }]
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(3), { refused })))
  inbox = await bed.restart()
  const stream = inbox.stream(streamId('s'))!
  expect(stream.next).toBe(3)
  expect(stream.refusals(1)).toEqual(refused)
  expect(stream.refusals(2)).toEqual([])
  expect(positions(await bed.until(inbox.port({ own: true }).claim(bed.ask())))).toEqual([0, 2])
})

test('after a restart a consumer that comes back keeps its lease, the others lose theirs after the grace', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(6))))
  const kept = await bed.until(inbox.port({ own: false }).claim(bed.ask(2)))
  const left = await bed.until(inbox.port({ own: false }).claim(bed.ask(2)))
  const own = await bed.until(inbox.port({ own: true }).claim(bed.ask(1)))
  inbox = await bed.restart({ powerCut: true })
  const port = inbox.port({ own: false })
  const held = [
    { lease: kept.lease, remainingMs: 30_000 },
    { lease: own.lease, remainingMs: 1 }
  ]
  expect(await bed.until(port.adopt(held))).toEqual([own.lease])
  const other = inbox.port({ own: true })
  expect(positions(await bed.until(other.claim(bed.ask())))).toEqual([4, 5])
  await bed.world.clock.advance(2_100)
  const back = await bed.until(other.claim(bed.ask()))
  expect(back.runs).toMatchObject([{ from: 2, count: 2, deliveries: 2, attempts: 1 }])
  expect(await bed.until(inbox.settle(verdict(left, 'ack')))).toEqual(['LEASE_LOST'])
  expect(await bed.until(port.settle(verdict(kept, 'ack')))).toEqual(['ok'])
  inbox = await bed.restart()
  expect(await bed.until(inbox.settle(verdict(kept, 'ack')))).toEqual(['ok'])
})

test('a failed write leaves nothing assumed: the range can be sent again, and what was said of it is not found later', async () => {
  for (const call of ['writeSynced', 'create', 'syncFolder'] as const) {
    const bed = new InboxBed(call)
    let inbox = await bed.open()
    if (call === 'writeSynced') await bed.until(inbox.appendRange(rangeOf('t', 0, texts(1))))
    bed.node.disk.failNext({ call, code: 'EIO' })
    const [a, b] = [inbox.appendRange(rangeOf('s', 0, [{ id: 'one' }])), inbox.appendRange(rangeOf('s', 1, texts(2)))]
    await expect(bed.until(Promise.all([a, b]))).rejects.toMatchObject({ code: 'DISK_ERROR' })
    await expect(bed.until(b)).rejects.toMatchObject({ code: 'DISK_ERROR' })
    expect(inbox.stream(streamId('s'))?.next).toBe(0)
    expect(await bed.until(inbox.appendRange(rangeOf('u', 0, [{ id: 'one' }])))).toBe(1)
    expect(await bed.until(inbox.appendRange(rangeOf('s', 0, [{ id: 'one' }, { id: 'x' }])))).toBe(2)
    inbox = await bed.restart()
    const claim = await bed.until(inbox.port({ own: true }).claim(bed.ask()))
    const found = claim.runs.map(run => [run.stream, run.from, run.count])
    expect(found).toContainEqual([streamId('u'), 0, 1])
    expect(found).toContainEqual([streamId('s'), 1, 1])
  }
})

test('a claim or verdict whose write fails changes nothing', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(3))))
  bed.node.disk.failNext({ call: 'writeSynced', code: 'ENOSPC' })
  await expect(bed.until(port.claim(bed.ask()))).rejects.toMatchObject({ code: 'DISK_FULL' })
  const claim = await bed.until(port.claim(bed.ask()))
  expect(claim.runs).toMatchObject([{ from: 0, count: 3, deliveries: 1 }])
  bed.node.disk.failNext({ call: 'writeSynced', code: 'ENOSPC' })
  await expect(bed.until(port.settle(verdict(claim, 'ack')))).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(await bed.until(port.settle(verdict(claim, 'ack')))).toEqual(['ok'])
})

test('where entries begin is read again when memory has no room for it', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(10))))
  inbox = await bed.restart()
  const port = inbox.port({ own: true })
  const claim = await bed.until(port.claim(bed.ask(3)))
  expect(bodies(bed, claim)).toEqual(['m0', 'm1', 'm2'])
  expect(bodies(bed, await bed.until(port.claim(bed.ask(3))))).toEqual(['m3', 'm4', 'm5'])
})

test('a segment goes when its messages are finished and old, and what still counts of it is known afterwards', async () => {
  const bed = new InboxBed(1, { segmentBytesMax: 65_536, retentionMs: 1_000 })
  let inbox = await bed.open()
  const port = inbox.port({ own: true })
  const refused = [{ at: 1, id: 'x', code: 'MESSAGE_TOO_LARGE' as const, detail: 'big' }]
  await bed.until(inbox.appendRange(rangeOf('s', 0, [{ id: 'one' }, { id: 'x' }], { refused })))
  for (let i = 0; i < 8; i++) await bed.until(inbox.appendRange(rangeOf('t', i * 10, texts(10, 'y'.repeat(2_000)))))
  const all = await bed.until(port.claim(bed.ask(1_000)))
  await bed.world.clock.advance(2_000)
  expect(await bed.until(inbox.clean())).toBe(0)
  await bed.until(port.settle(verdict(all, 'ack')))
  expect(await bed.until(inbox.clean())).toBe(0)
  await bed.world.clock.advance(2_000)
  await bed.until(inbox.appendRange(rangeOf('u', 0, texts(1))))
  expect(await bed.until(inbox.clean())).toBe(2)
  inbox = await bed.restart({ powerCut: true })
  expect(inbox.stream(streamId('s'))!.refusals(0)).toEqual(refused)
  expect(inbox.stream(streamId('t'))!.next).toBe(80)
  await bed.until(inbox.appendRange(rangeOf('v', 0, [{ id: 'one' }])))
  const rest = await bed.until(inbox.port({ own: true }).claim(bed.ask()))
  expect(rest.runs.map(run => run.stream)).toEqual([streamId('u')])
})

test('a byte flipped in a synced frame costs the one message, and the rest is handed out', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(5, 'body'))))
  await bed.until(inbox.appendRange(rangeOf('s', 5, texts(5, 'later'))))
  await bed.until(inbox.appendRange(rangeOf('s', 10, texts(1, 'last'))))
  const [segment] = await bed.until(bed.process.files.list('/spool/inbox/c'))
  const path = `/spool/inbox/c/${segment!.name}`
  bed.node.disk.flip(path, bed.node.disk.peek(path)!.indexOf('body2'), 1)
  inbox = await bed.restart()
  expect(inbox.stream(streamId('s'))!.next).toBe(11)
  const claim = await bed.until(inbox.port({ own: true }).claim(bed.ask(100)))
  expect(positions(claim)).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(bodies(bed, claim)[2]).toBe('body3')
})

test('what a consumer was given by an owner that died before it answered waits again in its place', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(6))))
  const consumer = inbox.port({ own: false })
  await bed.until(consumer.adopt([], 'c1'))
  const heard = await bed.until(consumer.claim(bed.ask(2)))
  await bed.until(consumer.claim(bed.ask(2)))
  inbox = await bed.restart({ powerCut: true })
  const again = inbox.port({ own: false })
  await bed.until(again.adopt([{ lease: heard.lease, remainingMs: 30_000 }], 'c1'))
  const claim = await bed.until(again.claim(bed.ask()))
  expect(positions(claim)).toEqual([2, 3, 4, 5])
  expect(claim.runs[0]).toMatchObject({ from: 2, deliveries: 2, attempts: 0 })
})

test('P3: what an earlier owner could not sync is not said to be here before this one has, also when that fails at first', async () => {
  let readable = 0
  for (let seed = 0; seed < 8; seed++) {
    const bed = new InboxBed(seed)
    const { disk } = bed.node
    const { origin, node, stream, channel, priority, from, entries } = rangeOf('s', 0, texts(3))
    const to = { origin, node, stream, channel, priority, from, entries }
    const upload = { ...to, nonce: 'n'.repeat(16), settled: 0, whole: true } as UploadRequest
    const receive = (store: Inbox) => {
      const receiver = new Receiver({ clock: bed.world.clock, log: silentLog, limits: bed.limits, store })
      return bed.until(receiver.receive(upload, node))
    }
    let inbox = await bed.open()
    await bed.until(inbox.appendRange(rangeOf('before', 0, texts(1))))
    disk.failNext({ call: 'writeSynced', code: 'EIO', path: path => path.includes('/inbox/') })
    await expect(receive(inbox)).rejects.toMatchObject({ code: 'DISK_ERROR' })
    // The next owner may read it, and cannot write.
    const rule = disk.failNext({ call: 'writeSynced', code: 'EIO', path: path => path.includes('/inbox/'), times: 99 })
    inbox = await bed.restart()
    if ((inbox.stream(stream)?.next ?? 0) === 3) readable++
    expect(inbox.next(stream)).toBe(0)
    await expect(receive(inbox)).rejects.toMatchObject({ code: 'DISK_ERROR' })
    rule.remove()
    await bed.world.clock.advance(2_000)
    expect(await receive(inbox)).toMatchObject({ next: 3 })
    expect(inbox.next(stream)).toBe(3)
    disk.crash({ data: 'lose', names: 'lose' })
    inbox = await bed.restart()
    expect(inbox.stream(stream)!.next).toBe(3)
  }
  expect(readable).toBeGreaterThan(0)
})

test('what a writer took back stays taken back when a power cut takes the mark that said so, also a channel’s pause', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  const { disk } = bed.node
  const steer = (act: 'pause' | 'resume') => bed.until(inbox.port({ own: true }).steer({ act, channel: 'c' }))
  // The pause is on the disk, and its commit fails all the same: it never happened.
  const inInbox = (path: string) => path.includes('/inbox/')
  disk.failNext({ call: 'writeSynced', code: 'EIO', path: inInbox, partialBytes: 1_000_000 })
  await expect(steer('pause')).rejects.toMatchObject({ code: 'DISK_ERROR' })
  // What says so is written, and its sync fails too: the next owner reads it, and a power cut will take it.
  disk.failNext({ call: 'writeSynced', code: 'EIO', path: inInbox, partialBytes: 1_000_000 })
  await expect(bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  const [first, second] = [...disk.disk.folder('/spool/inbox/c').names.keys()]
    .filter(name => name.endsWith('.seg'))
    .sort()
  disk.disk.file(`/spool/inbox/c/${first}`).content.syncAll()
  inbox = await bed.restart()
  expect((await steer('resume')).changed).toBe(0)
  // That power cut.
  disk.disk.remove(`/spool/inbox/c/${second}`, 'file')
  inbox = await bed.restart()
  await bed.until(inbox.appendRange(rangeOf('t', 0, texts(1))))
  expect(positions(await bed.until(inbox.port({ own: true }).claim(bed.ask())))).toEqual([0, 0])
})

test('DISK-11: a finished message whose bytes are damaged is not taken again when it is sent again', async () => {
  const bed = new InboxBed(1)
  let inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, [{ body: 'the one that is hit' }])))
  const port = inbox.port({ own: true })
  const claim = await bed.until(port.claim(bed.ask()))
  await bed.until(port.settle(verdict(claim, 'ack')))
  // Later frames vouch for it.
  await bed.until(inbox.appendRange(rangeOf('t', 0, texts(1))))
  const { disk } = bed.node
  const [name] = [...disk.disk.folder('/spool/inbox/c').names.keys()].filter(file => file.endsWith('.seg')).sort()
  disk.flip(`/spool/inbox/c/${name}`, disk.peek(`/spool/inbox/c/${name}`)!.indexOf('the one'), 2)
  inbox = await bed.restart()
  expect(inbox.next(streamId('s'))).toBe(1)
  expect(
    await bed.until(inbox.appendRange(rangeOf('s', 0, [{ body: 'the one that is hit' }])).catch(e => e.next))
  ).toBe(1)
  const again = await bed.until(inbox.port({ own: true }).claim(bed.ask()))
  expect(again.runs.map(({ stream }) => stream)).toEqual([streamId('t')])
})
