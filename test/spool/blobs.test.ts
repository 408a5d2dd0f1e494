import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { InboxBlobs } from '../../src/server/inbox-blobs.ts'
import { carryBlob, readBlob, writeBlob } from '../../src/spool/blob-file.ts'
import {
  blobBesideSegment,
  parsePlacedBlob,
  parseSentBlob,
  partPath,
  placedBlobPath,
  sentBlobPath
} from '../../src/spool/blob-names.ts'
import { OutboxBlobs } from '../../src/spool/outbox-blobs.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const BODY = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) & 255))
const SHA = createHash('sha256').update(BODY).digest('hex')
const LIMITS = { messageBytesMax: 1_024, blobPieceBytes: 1_024, scanMs: 20_000 }
const OUTBOX = `${SPOOL}/outbox/berlin/common/4`
const INBOX = `${SPOOL}/inbox/common`

async function bed(limits = {}) {
  const sim = new SimNodes({ seed: 1, names: ['berlin'], limits: { ...LIMITS, ...limits } })
  const machine = sim.machine('berlin')
  const system = machine.process('keeper')
  const spool = await sim.until(Spool.open({ system, path: SPOOL, node: 'berlin', limits: sim.limits }))
  const names = (folder: string) =>
    [...machine.disk.disk.folder(folder).names.keys()].filter(name => !name.endsWith('.seg'))
  return { sim, machine, disk: machine.disk, files: system.files, spool, names }
}

test('the name of a large body is read back as what it was made of, and no other name is one', () => {
  const place = { stream: 'ab'.repeat(16), position: 12, sha256: SHA }
  const path = placedBlobPath('/f', place)
  expect(parsePlacedBlob('/f', path.slice(3))).toEqual({ ...place, path, whole: true })
  expect(parsePlacedBlob('/f', partPath(path).slice(3))).toMatchObject({ ...place, whole: false })
  const sent = sentBlobPath('/f', 'w1', '00112233aabbccdd')
  expect(parseSentBlob('/f', sent.slice(3))).toEqual({ path: sent, writer: 'w1', id: '00112233aabbccdd' })
  expect(blobBesideSegment('/f/w1-00000007.seg', '00112233aabbccdd')).toBe(sent)
  for (const name of [
    'a.blob',
    `${'ab'.repeat(16)}-01-${SHA}.blob`,
    `../${'ab'.repeat(16)}-1-${SHA}.blob`,
    'W-0011223344556677.blob',
    'w-00000001.seg'
  ])
    expect([parsePlacedBlob('/f', name), parseSentBlob('/f', name)]).toEqual([undefined, undefined])
  expect(blobBesideSegment('/f/x.blob', '00')).toBeUndefined()
})

test('where there are no hard links a body is copied, all of it or nothing, also after a copy that was cut off', async () => {
  const { sim, disk, files } = await bed()
  const [from, to] = [`${SPOOL}/corrupt/a.blob`, `${SPOOL}/corrupt/b.blob`]
  await sim.until(writeBlob({ files, path: from, chunks: Readable.from([BODY]) }))
  disk.plant(partPath(to), 'half')
  const rule = disk.failNext({ call: 'link', code: 'EPERM', times: Number.POSITIVE_INFINITY })
  expect(await sim.until(carryBlob(files, from, to))).toBe(true)
  expect(rule.hits).toBe(1)
  sim.machine('berlin').powerCut({ data: 'lose', names: 'lose' })
  expect(disk.peek(to)).toEqual(BODY)
  expect(disk.peek(partPath(to))).toBeUndefined()
})

test('a linked body is durable under its new name; one that is not there is not carried', async () => {
  const { sim, disk, files } = await bed()
  const [from, to] = [`${SPOOL}/corrupt/a.blob`, `${SPOOL}/corrupt/b.blob`]
  expect(await sim.until(carryBlob(files, from, to))).toBe(false)
  await sim.until(writeBlob({ files, path: from, chunks: Readable.from([BODY]) }))
  for (const _ of [1, 2]) expect(await sim.until(carryBlob(files, from, to))).toBe(true)
  disk.crash({ data: 'lose', names: 'lose' })
  expect(disk.peek(to)).toEqual(BODY)
})

test('a body that was cut, grew or changed on the disk is found out by whoever reads it to its end', async () => {
  const { sim, disk, files } = await bed()
  const path = `${SPOOL}/corrupt/a.blob`
  const read = async () => {
    for await (const _ of readBlob(files, path, { bytes: BODY.length, sha256: SHA }));
  }
  const changed = Buffer.from(BODY)
  changed[4_000]! ^= 1
  for (const bytes of [BODY.subarray(1), Buffer.concat([BODY, BODY]), changed, Buffer.alloc(0)]) {
    disk.plant(path, bytes)
    await expect(sim.until(read())).rejects.toMatchObject({ code: 'ENTRY_CORRUPT' })
  }
  disk.plant(path, BODY)
  await sim.until(read())
})

test('B4: a body whose writer is dead and wrote no message goes; one of a live writer, or of a message that still waits, stays', async () => {
  const { sim, machine, disk, spool, names } = await bed()
  const queue = await sim.queue('berlin', 'app')
  await sim.until(queue.sendMessage(Readable.from([BODY])))
  const [waiting] = names(OUTBOX)
  const writer = waiting!.split('-')[0]!
  const next = { value: 0 }
  const blobs = new OutboxBlobs({ spool, next: () => next.value })
  const alone = sentBlobPath(OUTBOX, writer, 'ff'.repeat(8))
  const foreign = sentBlobPath(OUTBOX, 'dead0', 'ee'.repeat(8))
  disk.plant(alone, 'x')
  disk.plant(foreign, 'x')
  expect(await sim.until(blobs.clean(OUTBOX))).toBe(1)
  expect(names(OUTBOX).sort()).toEqual([waiting!, alone.slice(OUTBOX.length + 1)].sort())
  machine.process('app').kill()
  expect(await sim.until(blobs.clean(OUTBOX))).toBe(1)
  expect(names(OUTBOX)).toEqual([waiting])
  // Whatever the mark says, by name and place.
  next.value = 1
  expect(await sim.until(blobs.clean(OUTBOX))).toBe(1)
  expect(names(OUTBOX)).toEqual([])
})

test('P7: of a channel that cannot be opened no body is judged, however long that lasts, and the others are', async () => {
  const { sim, disk, spool, names } = await bed({ blobIdleMsMax: 60_000 })
  const other = `${SPOOL}/inbox/other`
  for (const folder of [INBOX, other]) {
    await sim.until(spool.folders.ensure(folder))
    disk.plant(placedBlobPath(folder, { stream: 'aa'.repeat(16), position: 0, sha256: SHA }), BODY)
  }
  disk.plant(`${INBOX}/e1-00000001.seg`, 'that no process could read')
  const blobs = new InboxBlobs(spool, sim.limits)
  const rule = disk.failNext({ call: 'list', code: 'EIO', path: path => path === INBOX })
  await expect(sim.until(blobs.clean(() => undefined))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(rule.hits).toBe(1)
  for (let turn = 0; turn < 3; turn++) {
    await sim.clock.advance(100_000)
    await sim.until(blobs.clean(() => undefined))
  }
  expect([names(INBOX).length, names(other).length]).toEqual([1, 0])
})

test('a body whose entry may be in what cannot be read of its segment stays, and arrives when that is saved', async () => {
  const { sim, machine, disk, spool, names } = await bed()
  const queue = await sim.queue('berlin', 'app')
  await sim.until(queue.sendMessage(Readable.from([BODY])))
  for (const body of ['two', 'three']) await sim.until(queue.sendMessage(body))
  const segment = [...disk.disk.folder(OUTBOX).names.keys()].find(name => name.endsWith('.seg'))!
  // In the header of the first frame: its entry is whole.
  disk.flip(`${OUTBOX}/${segment}`, 64 + 30, 1)
  machine.process('app').kill()
  const blobs = new OutboxBlobs({ spool, next: () => 0 })
  for (const _ of [1, 2]) expect(await sim.until(blobs.clean(OUTBOX))).toBe(0)
  expect(names(OUTBOX).length).toBe(1)
  const reader = await sim.queue('berlin', 'reader')
  const got = await sim.take(reader, 'common', 30_000)
  expect(got.map(message => (message.large ? message.size : message.body))).toEqual([5_000, 'two', 'three'])
})

test('a body whose entry lies behind bytes that the disk lost, which are zeros now, stays and arrives', async () => {
  const { sim, machine, disk, spool, names } = await bed()
  const queue = await sim.queue('berlin', 'app')
  for (const body of ['one', Readable.from([BODY]), 'three']) await sim.until(queue.sendMessage(body))
  const segment = [...disk.disk.folder(OUTBOX).names.keys()].find(name => name.endsWith('.seg'))!
  disk.plant(`${OUTBOX}/${segment}`, disk.peek(`${OUTBOX}/${segment}`)!.fill(0, 64, 130))
  machine.process('app').kill()
  const blobs = new OutboxBlobs({ spool, next: () => 0 })
  for (const _ of [1, 2]) expect(await sim.until(blobs.clean(OUTBOX))).toBe(0)
  expect(names(OUTBOX).length).toBe(1)
  const reader = await sim.queue('berlin', 'reader')
  const got = await sim.take(reader, 'common', 30_000)
  expect(got.map(message => (message.large ? message.size : message.body))).toEqual([5_000, 'three'])
})

test('a finished body stays for its retention, and as many bytes as that allows; what came of one whose message never did goes when nothing more comes', async () => {
  const limits = { retentionMs: 3_600_000, retentionBytes: 10_000, blobIdleMsMax: 60_000 }
  const { sim, disk, spool, names } = await bed(limits)
  await sim.until(spool.folders.ensure(INBOX))
  const blobs = new InboxBlobs(spool, sim.limits)
  const path = (stream: string, position: number) =>
    placedBlobPath(INBOX, { stream: stream.repeat(16), position, sha256: SHA })
  const waits = { next: 10, pending: 10, between: (at: number) => (at === 3 ? [{}] : []) }
  const state = { streams: new Map([['aa'.repeat(16), waits]]) }
  const turn = async (ms: number) => {
    await sim.until(blobs.clean(() => state as never))
    await sim.clock.advance(ms)
    return names(INBOX)
      .map(name => `${name.slice(0, 2)} ${name.split('-')[1]} ${name.split('.')[1]}`)
      .sort()
  }
  disk.plant(path('aa', 1), BODY)
  disk.plant(path('aa', 3), BODY)
  disk.plant(path('aa', 12), BODY)
  disk.plant(partPath(path('bb', 0)), 'half')
  const all = ['aa 1 blob', 'aa 12 blob', 'aa 3 blob', 'bb 0 part']
  expect(await turn(50_000)).toEqual(all)
  disk.plant(partPath(path('bb', 0)), 'half and more')
  expect(await turn(50_000)).toEqual(all)
  // aa 12 has not moved for longer than it may; bb 0 has.
  expect(await turn(0)).toEqual(['aa 1 blob', 'aa 3 blob', 'bb 0 part'])
  await sim.clock.advance(100_000)
  expect(await turn(0)).toEqual(['aa 1 blob', 'aa 3 blob'])
  disk.plant(path('aa', 4), BODY)
  await turn(1_000)
  // Two finished ones take 16 KiB of blocks: the one that was finished first goes.
  expect(await turn(0)).toEqual(['aa 3 blob', 'aa 4 blob'])
  await sim.clock.advance(3_700_000)
  expect(await turn(0)).toEqual(['aa 3 blob'])
})

test('what came of a body whose message was given up before all of it was there goes when it rests, whatever the retention', async () => {
  const { sim, disk, spool, names } = await bed({ retentionMs: 86_400_000, blobIdleMsMax: 60_000 })
  await sim.until(spool.folders.ensure(INBOX))
  const blobs = new InboxBlobs(spool, sim.limits)
  const path = (position: number) => placedBlobPath(INBOX, { stream: 'aa'.repeat(16), position, sha256: SHA })
  // 1 was skipped, 3 is here, 12 is to come.
  const stream = { next: 10, pending: 10, between: (at: number) => (at === 3 ? [{}] : []) }
  const state = { streams: new Map([['aa'.repeat(16), stream]]) }
  disk.plant(path(3), BODY)
  for (const position of [1, 3]) disk.plant(partPath(path(position)), 'half')
  for (let turn = 0; turn < 3; turn++) {
    expect(names(INBOX).length).toBe(3)
    await sim.until(blobs.clean(() => state as never))
    await sim.clock.advance(40_000)
  }
  // What is still coming in stays.
  disk.plant(partPath(path(12)), 'half')
  await sim.until(blobs.clean(() => state as never))
  expect(names(INBOX).sort()).toEqual(
    [path(12), path(3)].map((at, i) => (i === 0 ? partPath(at) : at).slice(INBOX.length + 1))
  )
})

test.each(['header', 'sum', 'id'])(
  'a body that only a damaged place names (its %s) goes with its segment, though its writer lives on; what that may still fill stays',
  async where => {
    const { sim, disk, names } = await bed({ segmentBytesMax: 65_536, retentionMs: 60_000 })
    const queue = await sim.queue('berlin', 'app')
    await sim.until(queue.sendMessage(Readable.from([BODY])))
    const [writer, id] = names(OUTBOX)[0]!.slice(0, -'.blob'.length).split('-') as [string, string]
    for (let i = 0; i < 80; i++) await sim.until(queue.sendMessage('x'.repeat(1_000)))
    const first = `${OUTBOX}/${writer}-00000001.seg`
    const idAt = disk.peek(first)!.indexOf(Buffer.from(id, 'hex'))
    disk.flip(first, { header: 64 + 30, sum: idAt - 20, id: idAt + 3 }[where]!, 1)
    const filling = `${writer}-${'ff'.repeat(8)}.blob`
    disk.plant(`${OUTBOX}/${filling}`, 'x')
    await sim.server('berlin')
    await sim.clock.advance(30_000)
    expect([disk.peek(first) !== undefined, names(OUTBOX).length]).toEqual([true, 2])
    await sim.clock.advance(180_000)
    expect(disk.peek(first)).toBeUndefined()
    expect(names(OUTBOX)).toEqual([filling])
  }
)
