import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { encodeMark } from '../../src/journal/entry.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { decodeUpload, encodeUpload, HEADER } from '../../src/wire/headers.ts'
import { entriesOf, ORIGIN, STREAM, uploadOf } from './memory-store.ts'

import { codeOf, desk, THREE } from './receiver-desk.ts'

test('a body cut at any byte gives the whole entries before the cut', async () => {
  const ends = [entriesOf('one').length, entriesOf('one', 'two').length, THREE.length]
  for (let at = 0; at < THREE.length; at++) {
    const { send, store } = desk()
    const count = ends.filter(end => end <= at).length
    const sent = send(uploadOf({ entries: THREE.subarray(0, at), whole: false }))
    if (count === 0) expect(await codeOf(sent)).toBe('REQUEST_BAD')
    else expect(await sent).toMatchObject({ next: count })
    expect(store.bytesOf(STREAM).equals(THREE.subarray(0, ends[count - 1] ?? 0))).toBe(true)
  }
})

test('D2: a message over the limit is refused for good and the others of its range are stored', async () => {
  const { send, store } = desk()
  const large = { id: 'huge', sentAt: 1, kind: 'text', body: 'x'.repeat(1_025) } as const
  const limit = { id: 'fits', sentAt: 1, kind: 'text', body: 'x'.repeat(1_024) } as const
  const vast = { id: 'vast', sentAt: 1, kind: 'text', body: 'x'.repeat(50_000) } as const
  const answer = await send(uploadOf({ entries: entriesOf('a', large, limit, vast, 'b') }))
  expect(answer).toMatchObject({
    next: 5,
    refused: [
      { at: 1, id: 'huge', code: 'MESSAGE_TOO_LARGE' },
      { at: 3, id: 'vast', code: 'MESSAGE_TOO_LARGE' }
    ]
  })
  expect(store.streams.get(STREAM)!.entries.map(entry => entry !== undefined)).toEqual([true, false, true, false, true])
})

test('refusals are repeated until the sender has settled them', async () => {
  const { send } = desk()
  const large = { id: 'huge', sentAt: 1, kind: 'text', body: 'x'.repeat(2_000) } as const
  const entries = entriesOf('a', large)
  await send(uploadOf({ entries }))
  expect((await send(uploadOf({ entries }))).refused).toHaveLength(1)
  expect((await send(uploadOf({ from: 2, entries: THREE, settled: 1 }))).refused).toHaveLength(1)
  expect((await send(uploadOf({ entries, settled: 2 }))).refused).toHaveLength(0)
})

test('what is no message is refused for good: a mark, an unknown kind, an entry with a good CRC and bad parts', async () => {
  const { send } = desk()
  const unknown = encodeMark({ some: 'thing' })
  unknown[8] = 77
  const broken = Buffer.from(entriesOf('x'))
  broken[9] = 0xff
  for (const entry of [unknown, broken]) entry.writeUInt32LE(crc32(entry.subarray(8)), 4)
  const entries = Buffer.concat([entriesOf('a'), encodeMark({ ack: 1 }), unknown, broken, entriesOf('b')])
  const answer = await send(uploadOf({ entries }))
  expect(answer.next).toBe(5)
  expect(answer.refused.map(({ at, code }) => [at, code])).toEqual([
    [1, 'MESSAGE_MALFORMED'],
    [2, 'MESSAGE_MALFORMED'],
    [3, 'MESSAGE_MALFORMED']
  ])
})

test('an entry damaged on the way is not refused: what came before it is kept and the rest is taken when sent again', async () => {
  const { send, store } = desk()
  const damaged = Buffer.from(THREE)
  damaged[THREE.length - 1]! ^= 1
  expect(await send(uploadOf({ entries: damaged }))).toMatchObject({ next: 2, refused: [] })
  expect(await send(uploadOf({ entries: THREE }))).toMatchObject({ next: 3, refused: [] })
  expect(store.bytesOf(STREAM).equals(THREE)).toBe(true)
})

test('an entry that comes with the same damage twice is refused for good, so that it holds up nobody', async () => {
  const { send } = desk()
  const damaged = Buffer.from(entriesOf('bad'))
  damaged[damaged.length - 1]! ^= 1
  const entries = Buffer.concat([damaged, entriesOf('good')])
  expect(await codeOf(send(uploadOf({ entries })))).toBe('ENTRY_CORRUPT')
  expect(await send(uploadOf({ entries }))).toMatchObject({ next: 2, refused: [{ at: 0, code: 'MESSAGE_MALFORMED' }] })
})

test('a range of nothing but bad entries is taken a thousand at a time', async () => {
  const { send } = desk()
  const entries = Buffer.concat(Array.from({ length: 1_500 }, () => encodeMark({})))
  expect(await send(uploadOf({ entries }))).toMatchObject({ next: 1_000 })
  const rest = await send(uploadOf({ from: 1_000, entries: entries.subarray(1_000 * encodeMark({}).length) }))
  expect(rest).toMatchObject({ next: 1_500 })
  expect(rest.refused).toHaveLength(1_500)
})

test('where one answer cannot list all refusals, its next ends before the first that it leaves out', async () => {
  const { send } = desk()
  const entries = Buffer.concat(Array.from({ length: 1_000 }, () => encodeMark({})))
  for (const from of [0, 1_000]) await send(uploadOf({ from, entries }))
  const answer = await send(uploadOf({ from: 2_000, entries: Buffer.concat([entriesOf('x'), entries]) }))
  expect(answer).toMatchObject({ next: 2_001 })
  expect(answer.refused).toHaveLength(2_000)
  expect(await send(uploadOf({ from: 0, entries, settled: 2_001 }))).toMatchObject({ next: 3_001 })
})

test('channels may be called anything that a channel may, and nothing else', async () => {
  const stream = (i: number) => String(i).padStart(32, '0')
  const good = ['__proto__', 'constructor', 'orders/eu', '???', 'größe', '..', 'a'.repeat(120), 'CON']
  for (const [i, channel] of good.entries()) {
    const { send, store } = desk()
    expect(await codeOf(send(uploadOf({ stream: stream(i), channel, entries: THREE })))).toBe('taken')
    expect(store.ranges[0]?.channel).toBe(channel)
  }
  for (const channel of ['', 'a\nb', 'a\0', 'é'.repeat(61), '\ud800']) {
    expect(await codeOf(desk().send(uploadOf({ channel, entries: THREE })))).toBe('REQUEST_BAD')
  }
})

test('D8: 10,000 malformed uploads store nothing, and each is refused with a code that blames its sender', async () => {
  const { receiver, store } = desk({ parkedBytesMax: 0 })
  const random = new SimRandom(4)
  const refusals = new Map<string, number>()
  // Nearly any text is a channel, and uploads need neither a skip nor streams that are removed, nor are they large bodies.
  const free: string[] = [HEADER.channel, HEADER.skip, HEADER.removed, HEADER.blob]
  const names = Object.values(HEADER).filter(name => !free.includes(name))
  const junk = ['', ' ', '-1', '1e3', '0x10', '999999999999999', '\0', '%', '%ff', 'a'.repeat(5_000), '__proto__', 'é']
  for (let i = 0; i < 10_000; i++) {
    const good = uploadOf({ origin: ORIGIN, from: 0, entries: entriesOf('a', 'b') })
    const headers: Record<string, string | string[] | undefined> = encodeUpload(good)
    let bytes: Buffer = Buffer.from(good.entries)
    if (i % 2 === 0) {
      const name = random.pick(names)
      headers[name] = random.chance(0.2) ? undefined : random.chance(0.1) ? ['1', '1'] : random.pick(junk)
    } else if (i % 4 === 1) bytes = random.bytes(random.int(200))
    else bytes[random.int(12)]! ^= 1 << random.int(8)
    const code = await codeOf((async () => receiver.receive(decodeUpload(headers, { bytes, whole: true }), 'berlin'))())
    refusals.set(code, (refusals.get(code) ?? 0) + 1)
  }
  expect([...refusals.keys()].sort()).toEqual(['ENTRY_CORRUPT', 'PEER_FORBIDDEN', 'REQUEST_BAD'])
  expect(store.ranges).toEqual([])
})
