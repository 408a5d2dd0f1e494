import { expect, test } from 'vitest'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import { cleanDead } from '../../src/spool/dead-retention.ts'
import { OutboxStreams } from '../../src/spool/outbox-streams.ts'
import { type DeadLetter, DeadRoom, readDead } from '../../src/spool/room-dead.ts'
import { desk, sendEach } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>

const DAY = 86_400_000
const CHANNEL = 'orders'

/** One letter of so many bytes, as an owner of that epoch buries it. */
async function bury(at: Desk, writer: string, position: number, bytes = 100): Promise<DeadRoom> {
  const room = new DeadRoom({ spool: at.spool, writer, ids: at.ids })
  await room.add([await letter(at, position, bytes)])
  return room
}

async function letter(at: Desk, position: number, bytes: number): Promise<DeadLetter> {
  await sendEach(at.writer(`w${position}${bytes}`), ['x'.repeat(bytes)])
  const streams = new OutboxStreams({ spool: at.spool, peer: 'tokyo', next: () => 0 })
  await streams.refresh()
  const { entries } = (await streams.open().at(-1)!.read(0, 1))!
  await streams.close()
  const why = { reason: 'no', code: 'rejected', attempts: [] }
  const where = {
    channel: CHANNEL,
    priority: 4,
    origin: at.spool.id,
    node: 'berlin',
    stream: 'ab'.repeat(16),
    position
  }
  return { ...where, ...why, entry: entries! }
}

const left = async (at: Desk) => (await readDead(at.spool, CHANNEL)).map(({ source }) => source.from)
const clean = (at: Desk, epoch = 9) => cleanDead({ spool: at.spool, channel: CHANNEL, epoch })

test('dead letters are kept for 30 days or 1 GiB a channel, whichever is first, unless somebody says otherwise', () => {
  expect(DEFAULT_LIMITS).toMatchObject<Partial<Limits>>({ deadRetentionMs: 30 * DAY, deadRetentionBytes: 2 ** 30 })
})

test('dead letters go when they are past their time, also those that a dead process left unsealed', async () => {
  const at = await desk()
  await (await bury(at, 'e1', 0)).close()
  await bury(at, 'e2', 1)
  at.clock.step(20 * DAY)
  await (await bury(at, 'e3', 2)).close()
  at.clock.step(10 * DAY)
  expect(await clean(at)).toBe(0)
  at.clock.step(1)
  expect(await clean(at)).toBe(2)
  expect(await left(at)).toEqual([2])
  at.clock.step(-40 * DAY)
  expect(await clean(at)).toBe(0)
})

test('the oldest dead letters go until the others fit', async () => {
  const at = await desk({ limits: { deadRetentionBytes: 150_000 } })
  for (let i = 0; i < 5; i++) {
    await (await bury(at, `e${i + 1}`, i, 50_000)).close()
    at.clock.step(1_000)
  }
  expect(await clean(at)).toBe(3)
  expect(await left(at)).toEqual([3, 4])
  expect(await clean(at)).toBe(0)
})

test('what a living process writes to stays, and it begins another segment after a day so that old letters can go', async () => {
  const at = await desk()
  at.alive.add('client')
  const room = await bury(at, 'client', 0)
  const own = await bury(at, 'e9', 1)
  at.clock.step(31 * DAY)
  expect(await clean(at)).toBe(0)
  await at.clock.advance(DAY)
  for (const one of [room, own]) {
    one.tidy()
    await one.add([await letter(at, one === room ? 2 : 3, 200)])
  }
  expect(await clean(at)).toBe(0)
  at.clock.step(30 * DAY + 1)
  expect(await clean(at)).toBe(2)
  expect(await left(at)).toEqual([2, 3])
})

test('marks about dead letters stay until every letter left is younger', async () => {
  const at = await desk()
  await (await bury(at, 'e1', 0)).close()
  const mark = async (writer: string) => (await bury(at, writer, 7)).close()
  at.clock.step(1_000)
  await mark('m1')
  at.clock.step(1_000)
  await (await bury(at, 'e2', 1)).close()
  const files = async () => (await at.disk.list(at.spool.dead(CHANNEL))).map(({ name }) => name.split('-')[0])
  at.clock.step(29 * DAY)
  expect(await clean(at)).toBe(0)
  at.clock.step(DAY - 1_500)
  expect(await clean(at)).toBe(2)
  expect(await files()).toEqual(['e2'])
})
