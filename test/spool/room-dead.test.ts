import { expect, test } from 'vitest'
import type { Frame } from '../../src/journal/frame.ts'
import { SEGMENT_HEAD_BYTES } from '../../src/journal/segment-head.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { removeDeadFolder } from '../../src/spool/dead-retention.ts'
import { OutboxStreams } from '../../src/spool/outbox-streams.ts'
import { DeadRoom, readDead } from '../../src/spool/room-dead.ts'
import { SimFolder } from '../../src/system/sim/sim-folder.ts'
import { bodiesIn, desk, numbered, sendEach } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>

/** Letters made of messages that were really sent. */
async function letters(at: Desk, bodies: string[]) {
  await sendEach(at.writer('w1'), bodies)
  const streams = new OutboxStreams({ spool: at.spool, peer: 'tokyo', next: () => 0 })
  await streams.refresh()
  const [stream] = streams.ready()
  const made = []
  for (let position = 0; position < bodies.length; position++) {
    const { entries } = (await stream!.read(position, 1))!
    made.push({
      channel: 'orders/eu',
      priority: 4,
      origin: at.spool.id,
      node: at.spool.node,
      stream: stream!.stream,
      position,
      entry: entries!,
      reason: `no room for ${position}`,
      code: 'MESSAGE_TOO_LARGE',
      attempts: [{ at: 5, reason: 'refused' }]
    })
  }
  return made
}

const bodiesOf = (found: Awaited<ReturnType<typeof readDead>>) => found.flatMap(({ entry }) => bodiesIn(entry))

test('a dead letter keeps the whole message, where it came from, why and every attempt', async () => {
  const at = await desk()
  const room = new DeadRoom({ spool: at.spool, writer: 'c1', ids: at.ids })
  await room.add(await letters(at, ['a', 'b']))
  const found = await readDead(at.spool, 'orders/eu')
  expect(bodiesOf(found)).toEqual(['a', 'b'])
  expect(found[1]!.source).toMatchObject({ origin: at.spool.id, node: 'berlin', from: 1, to: 2, priority: 4 })
  expect(found[1]!.note).toMatchObject({
    reason: 'no room for 1',
    code: 'MESSAGE_TOO_LARGE',
    by: 'berlin',
    at: at.clock.now(),
    attempts: [{ at: 5, reason: 'refused' }]
  })
  expect(await at.spool.deadChannels()).toEqual(['orders/eu'])
  await room.close()
  expect(bodiesOf(await readDead(at.spool, 'orders/eu'))).toEqual(['a', 'b'])
  expect(await readDead(at.spool, 'other')).toEqual([])
})

test('the same letter added again, by this process or the next, counts once', async () => {
  const at = await desk()
  const made = await letters(at, numbered(5))
  for (const writer of ['c1', 'c2']) {
    const room = new DeadRoom({ spool: at.spool, writer, ids: at.ids })
    await room.add(made)
    await room.add(made.slice(2))
  }
  const found = await readDead(at.spool, 'orders/eu')
  expect(bodiesOf(found)).toEqual(numbered(5))
  expect(found.every(({ note }) => note !== undefined)).toBe(true)
})

test('a flipped bit in a dead letter’s frame header or in its reason costs nothing, one in the message costs that letter', async () => {
  const at = await desk()
  const room = new DeadRoom({ spool: at.spool, writer: 'c1', ids: at.ids })
  for (const letter of await letters(at, ['a', 'b', 'c'])) await room.add([letter])
  await room.close()
  const path = (await listSegments(at.disk, at.spool.dead('orders/eu')))[0]!.path
  const reader = (await SegmentReader.open(at.disk, path))!
  const { frames } = await reader.read(SEGMENT_HEAD_BYTES, 1_000_000)
  const [letter, reason] = frames as [Frame, Frame]
  expect([letter.source?.from, reason.source]).toEqual([0, undefined])
  for (const frame of [letter, reason])
    for (let bit = frame.offset * 8; bit < frame.end * 8; bit += 5) {
      at.disk.flip(path, bit >> 3, bit & 7)
      const found = (await readDead(at.spool, 'orders/eu')).filter(({ note }) => note !== undefined)
      const inMessage = frame === letter && bit >= frame.payloadAt * 8
      expect(bodiesOf(found), `bit ${bit}`).toEqual(inMessage ? ['b', 'c'] : ['a', 'b', 'c'])
      at.disk.flip(path, bit >> 3, bit & 7)
    }
})

test('a power cut keeps every letter that was confirmed, with its reason', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const at = await desk({ seed })
    const made = await letters(at, numbered(6))
    const room = new DeadRoom({ spool: at.spool, writer: 'c1', ids: at.ids })
    await room.add(made.slice(0, 3))
    void room.add(made.slice(3)).catch(() => undefined)
    for (let turns = at.random.int(8); turns > 0; turns--) await Promise.resolve()
    at.disk.crash()
    const found = await readDead(at.spool, 'orders/eu')
    expect(bodiesOf(found.slice(0, 3)), `seed ${seed}`).toEqual(numbered(3))
    expect(found.slice(0, 3).every(({ note }) => note !== undefined)).toBe(true)
  }
})

test('a disk that is full rejects with its code', async () => {
  const at = await desk()
  const made = await letters(at, ['a'])
  at.disk.capacityBytes = 0
  const room = new DeadRoom({ spool: at.spool, writer: 'c1', ids: at.ids })
  await expect(room.add(made)).rejects.toMatchObject({ code: 'DISK_FULL' })
  at.disk.capacityBytes = Number.POSITIVE_INFINITY
  await room.add(made)
  expect(bodiesOf(await readDead(at.spool, 'orders/eu'))).toEqual(['a'])
})

test('the folder may go while it is empty, whatever a process that buries there is doing: each letter that resolved is there', async () => {
  for (let call = 1; call <= 12; call++) {
    const at = await desk()
    const made = await letters(at, ['a', 'b'])
    const room = new DeadRoom({ spool: at.spool, writer: 'c1', ids: at.ids })
    await room.add(made.slice(0, 1))
    await room.rest('orders/eu')
    const folder = at.spool.dead('orders/eu')
    for (const { path } of await listSegments(at.disk, folder)) await at.disk.remove(path)
    await removeDeadFolder({ spool: await at.open(), channel: 'orders/eu' })
    expect(await at.spool.deadChannels()).toEqual([])
    // Another process has made it again, and not yet synced; and it goes and comes while this one begins a segment there.
    at.disk.disk.add(folder, new SimFolder())
    let calls = 0
    const hook = at.disk.failNext({
      call: 'any',
      code: 'EIO',
      path: () => {
        if (++calls === call && at.disk.disk.folder(folder).names.size === 0) {
          at.disk.disk.remove(folder, 'folder')
          if (call % 2 === 0) at.disk.disk.add(folder, new SimFolder())
        }
        return false
      }
    })
    await room.add(made.slice(1))
    hook.remove()
    at.disk.crash({ data: 'lose', names: 'lose' })
    expect(bodiesOf(await readDead(at.spool, 'orders/eu')), `call ${call}`).toEqual(['b'])
  }
})
