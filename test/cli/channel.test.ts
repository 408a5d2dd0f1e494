import { afterEach, beforeEach, expect, test } from 'vitest'
import { runChannelLs, runChannelRm } from '../../src/cli/run-channel.ts'
import { runDoctor } from '../../src/cli/run-doctor.ts'
import { openQueue } from '../../src/index.ts'
import { CliDesk, values } from './in-process.ts'

let desk: CliDesk

beforeEach(() => {
  desk = new CliDesk()
})
afterEach(() => desk.end())

test('channel rm says what is in the way, what would go and what went, and channel ls shows it no more', async () => {
  const queue = await openQueue({ spool: desk.spool })
  for (const channel of ['orders', 'parcels']) await queue.sendMessage('x', { channel })
  await (await queue.poll({ channel: 'orders', wait: '10s' }))!.ack()
  await queue.peek({ channel: 'parcels' })
  await queue.close()

  await expect(runChannelRm(desk.call({}, 'parcels'))).rejects.toMatchObject({
    code: 'CHANNEL_NOT_EMPTY',
    message: expect.stringContaining('"parcels" cannot be removed: 1 wait')
  })
  const dry = desk.call({ json: true, dryRun: true }, 'orders')
  expect(await runChannelRm(dry)).toBe(0)
  expect(values(dry.printed())).toMatchObject([{ channel: 'orders', files: 1, left: { sent: 1 }, dryRun: true }])
  const done = desk.call({}, 'orders')
  expect(await runChannelRm(done)).toBe(0)
  expect(done.printed()).toMatch(
    /^orders: 1 file, \d+ bytes removed; files of what was sent, still there: 1; who sends/
  )
  const again = desk.call({}, 'orders')
  expect(await runChannelRm(again)).toBe(1)
  expect(again.printed()).toContain('orders: nothing to remove here')

  const ls = desk.call({ json: true })
  await runChannelLs(ls)
  expect(values(ls.printed()).map(({ channel }) => channel)).toEqual(['parcels'])
  // It is no stray file, and what was sent is not said to wait.
  expect(await runDoctor(desk.call({}))).toBe(0)
})
