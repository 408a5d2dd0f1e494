import { expect, test } from 'vitest'
import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { DeadCheck } from '../../src/spool/dead-check.ts'
import { DeadRoom } from '../../src/spool/room-dead.ts'
import { desk } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>

const STREAM = 'ab'.repeat(16)

/** Letters with these bodies, each in a commit of its own, as a client buries what a peer refused. */
async function bury(at: Desk, bodies: string[], channel = 'orders'): Promise<DeadRoom> {
  const room = new DeadRoom({ spool: at.spool, writer: 'c1', ids: at.ids })
  at.alive.add('c1')
  for (const [position, body] of bodies.entries()) {
    const draft = { kind: 'text' as const, body, sentAt: 1 }
    const into = Buffer.alloc(messageBytesMost(draft))
    const entry = Buffer.from(into.subarray(0, encodeMessage(draft, at.ids, into, 0)))
    const place = { channel, priority: 4, origin: at.spool.id, node: at.spool.node, stream: STREAM, position, entry }
    await room.add([{ ...place, reason: 'too large', code: 'MESSAGE_TOO_LARGE', attempts: [] }])
  }
  return room
}

async function flip(at: Desk, text: string, channel = 'orders'): Promise<void> {
  for (const { path } of await listSegments(at.disk, at.spool.dead(channel))) {
    const found = at.disk.peek(path)!.indexOf(text)
    if (found !== -1) at.disk.flip(path, found, 1)
  }
}

interface Note {
  lostPositions: [from: number, to: number, stream: string][]
  savedEntries: number
}

async function notes(at: Desk): Promise<Note[]> {
  const names = (await at.disk.list('/s/corrupt')).map(({ name }) => name).filter(name => name.endsWith('.json'))
  return names.map(name => JSON.parse(at.disk.peek(`/s/corrupt/${name}`)!.toString()) as Note)
}

const told = (at: Desk) => at.logged.filter(({ level, fields }) => level === 'error' && fields.code === 'ENTRY_CORRUPT')

test('a damaged letter is set aside and told by its place, also under a writer that lives, once', async () => {
  const at = await desk()
  const room = await bury(at, ['first', 'second', 'third'])
  await flip(at, 'first')
  const check = new DeadCheck(at.spool)
  await check.turn()
  expect(await notes(at)).toMatchObject([{ lostPositions: [[0, 1, STREAM]], savedEntries: 0 }])
  expect(told(at)).toHaveLength(1)
  await flip(at, 'second')
  await check.turn()
  await new DeadCheck(await at.open()).turn()
  expect(
    (await notes(at)).flatMap(({ lostPositions }) => lostPositions).sort(([from], [other]) => from - other)
  ).toEqual([
    [0, 1, STREAM],
    [1, 2, STREAM]
  ])
  expect(told(at)).toHaveLength(2)
  await room.close()
})

test('where nothing is damaged nothing is set aside, and there need be no letters', async () => {
  const at = await desk()
  const check = new DeadCheck(at.spool)
  await check.turn()
  const room = await bury(at, ['first', 'second'])
  for (let turns = 0; turns < 3; turns++) await check.turn()
  await room.close()
  await check.turn()
  expect(await notes(at)).toEqual([])
  expect(told(at)).toEqual([])
})

test('a bit that turned in why a letter died is told, though it is mended', async () => {
  const at = await desk()
  await bury(at, ['first', 'second', 'third'])
  const { path } = (await listSegments(at.disk, at.spool.dead('orders')))[0]!
  at.disk.flip(path, at.disk.peek(path)!.indexOf('too large'), 1)
  await new DeadCheck(at.spool).turn()
  expect(await notes(at)).toMatchObject([{ lostPositions: [], savedEntries: 1 }])
})

test('a turn reads a part, the next ones the rest of all channels, and then it begins again', async () => {
  const at = await desk()
  const large = Array.from({ length: 12 }, (_, i) => `body${i} `.padEnd(900_000, '.'))
  for (const channel of ['a', 'b']) await (await bury(at, large, channel)).close()
  for (const channel of ['a', 'b']) await flip(at, 'body11 ', channel)
  const check = new DeadCheck(at.spool)
  const found: number[] = []
  for (let turns = 0; turns < 6; turns++) {
    await check.turn()
    found.push(told(at).length)
  }
  expect(found[0]).toBe(0)
  expect(found.at(-1)).toBe(2)
  await flip(at, 'body2 ', 'a')
  for (let turns = 0; turns < 3; turns++) await check.turn()
  expect(told(at)).toHaveLength(3)
})

test('letters that go while they are looked at keep it from nothing', async () => {
  const at = await desk()
  const large = Array.from({ length: 12 }, (_, i) => `body${i} `.padEnd(900_000, '.'))
  for (const channel of ['a', 'b']) await (await bury(at, large, channel)).close()
  await flip(at, 'body3 ', 'b')
  const check = new DeadCheck(at.spool)
  await check.turn()
  for (const { path } of await listSegments(at.disk, at.spool.dead('a'))) await at.disk.remove(path)
  await check.turn()
  expect(told(at)).toHaveLength(1)
})
