import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRooms } from '../../src/cli/ls-rooms.ts'
import type { FoundRow } from '../../src/cli/ls-rows.ts'
import { openQueue } from '../../src/index.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { CliDesk } from './in-process.ts'

let desk: CliDesk

beforeEach(() => {
  desk = new CliDesk()
})
afterEach(() => desk.end())

async function allRows(id?: string): Promise<FoundRow[]> {
  const rows: FoundRow[] = []
  for (const room of await openRooms(nodeSystem(), desk.spool)) {
    if (room.room !== 'outbox') for await (const batch of room.batches(id)) rows.push(...batch)
  }
  return rows
}

test('ls tells of each message what its marks say, done or not, and forgets nothing of those that took more than one try', async () => {
  const queue = await openQueue({ spool: desk.spool })
  await queue.sendMessages(
    Array.from({ length: 600 }, (_, i) => String(i)),
    { channel: 'c' }
  )
  const first = await queue.poll({ channel: 'c', max: 500, wait: '5s' })
  const [done, retried, dead] = [first.slice(0, 400), first.slice(400, 450), first.slice(450, 460)]
  await Promise.all([
    ...done.map(message => message.ack()),
    ...retried.map(message => message.retry({ after: 0, reason: 'once more' })),
    ...dead.map(message => message.reject('no such order'))
  ])
  const again = (await queue.poll({ channel: 'c', max: 500, wait: '5s' })).filter(({ attempt }) => attempt === 2)
  expect(again.length).toBe(50)
  await Promise.all(again.slice(0, 20).map(message => message.ack()))
  const rows = await allRows()
  await queue.close()
  const counts = new Map<string, number>()
  for (const { room, state, attempts, deliveries } of rows) {
    const key = [room, state, attempts, deliveries].join(' ')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  expect(counts.get('inbox done 0 1')).toBe(400)
  expect(counts.get('inbox done 1 2')).toBe(20)
  expect(counts.get('inbox leased 1 2')).toBe(30)
  expect(counts.get('inbox dead 0 1')).toBe(10)
  expect(rows.filter(({ room }) => room === 'inbox').length).toBe(600)
  const letters = rows.filter(({ room }) => room === 'dead')
  expect(letters.map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, () => 'no such order'))
  const found = await allRows(dead[0]!.id)
  expect(found.map(({ room, state, stored }) => [room, state, stored?.body.toString()])).toEqual([
    ['inbox', 'dead', '450'],
    ['dead', 'dead', '450']
  ])
})
