import { afterEach, expect, test } from 'vitest'
import { InboxBed, positions, rangeOf, texts, verdict } from '../server/inbox-bed.ts'
import { closeAll, desk, settled } from '../web/desk.ts'

afterEach(closeAll)

test('E14: of 50 receivers that wait one message wakes one', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  let woken = 0
  const waiting = Array.from({ length: 50 }, async (_, i) => {
    const claim = await inbox.port({ own: i % 2 === 0 }).claim(bed.ask(10, { waitMs: 5_000 }))
    if (bed.world.clock.ticks() < 4_000) woken++
    return positions(claim).length
  })
  await bed.world.clock.advance(100)
  await bed.until(inbox.appendRange(rangeOf('s', 0, texts(1))))
  await bed.world.clock.advance(100)
  expect(woken).toBe(1)
  const counts = await bed.until(Promise.all(waiting))
  expect(counts.sort((a, b) => a - b)).toEqual([...Array<number>(49).fill(0), 1])
})

test('E15: what is PUT on a queue path is what GET gives; empty is 404; without a verdict it comes back after its lease', async () => {
  const node = await desk()
  expect((await node.call('GET', '/v1/queues/jobs')).status).toBe(404)
  expect((await node.call('PUT', '/v1/queues/jobs', { body: 'do it' })).status).toBe(201)
  await settled(node, 'jobs', { pending: 1 })
  const first = await node.call('GET', '/v1/queues/jobs?lease=200')
  expect([first.status, first.text]).toEqual([200, 'do it'])
  expect((await node.call('GET', '/v1/queues/jobs')).status).toBe(404)
  const again = await node.call('GET', '/v1/queues/jobs?wait=10s')
  expect([again.text, again.headers['dropr-attempt']]).toEqual(['do it', '2'])
})

test('M21 J10: a channel flooded with 10,000 does not starve another of 10, in one poll of both', async () => {
  const bed = new InboxBed(1)
  const inbox = await bed.open()
  const port = inbox.port({ own: true })
  for (let i = 0; i < 10; i++) {
    await bed.until(inbox.appendRange(rangeOf('a', i * 1_000, texts(1_000), { channel: 'flooded' })))
  }
  await bed.until(inbox.appendRange(rangeOf('b', 0, texts(10), { channel: 'small' })))
  let given = 0
  let small = 0
  while (small < 10) {
    const claim = await bed.until(port.claim(bed.ask(1, { channels: ['flooded', 'small'] })))
    given++
    if (claim.runs[0]!.channel === 'small') small++
    await bed.until(port.settle(verdict(claim, 'ack')))
  }
  expect(given).toBeLessThanOrEqual(40)
})
