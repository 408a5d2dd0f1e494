import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Ages, ageSpans, sumOf } from '../../src/cli/ages.ts'
import { runChannelLs } from '../../src/cli/run-channel.ts'
import { runShape } from '../../src/cli/run-shape.ts'
import { runTop } from '../../src/cli/run-top.ts'
import type { ShapeOptions } from '../../src/cli/shape.ts'
import { openBoard } from '../../src/cli/worker-board.ts'
import { openQueue } from '../../src/index.ts'
import { loadConfig } from '../../src/spool/config.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { CliDesk, values } from './in-process.ts'

let desk: CliDesk

beforeEach(() => {
  desk = new CliDesk()
})
afterEach(() => desk.end())

const DEFAULTS: ShapeOptions = { first: '5s', columns: 10 }

/** The same machine, so much later. */
function later(ms: number) {
  const system = nodeSystem()
  return { ...system, clock: { ...system.clock, now: () => system.clock.now() + ms } }
}

async function openDesk() {
  const { files } = nodeSystem()
  const flags = { peers: new Map([['tokyo', 'http://127.0.0.1:9']]) }
  const config = await loadConfig({ files, spool: desk.spool, cwd: desk.folder, flags })
  return openQueue({ spool: desk.spool, config })
}

test('an age falls into the first column that is not younger; the ends are doubled from the first', () => {
  const spans = ageSpans({ firstMs: 5_000, columns: 3 })
  expect(spans).toEqual([5_000, 10_000, 20_000])
  const ages = new Ages(spans, 100_000)
  for (const age of [-1_000, 0, 5_000, 5_001, 20_000, 20_001]) ages.add('outbox', 'tokyo', 100_000 - age)
  ages.add('outbox', 'paris', 99_000)
  const rows = ages.rows()
  expect(rows.map(({ name, total, counts }) => [name, total, ...counts])).toEqual([
    ['tokyo', 6, 3, 1, 1, 1],
    ['paris', 1, 1, 0, 0, 0]
  ])
  expect(sumOf(rows)).toMatchObject({ name: 'all', total: 7, oldestAt: 79_999, counts: [4, 1, 1, 1] })
})

test('shape counts by peer what waits in the outbox, by channel also what waits in the inbox, and nothing that is done', async () => {
  const queue = await openDesk()
  await queue.sendMessages(['a', 'b', 'c'], { channel: 'orders', to: 'tokyo' })
  await queue.sendMessages(['d', 'e'], { channel: 'mail' })
  await (await queue.poll({ channel: 'mail', wait: '5s' }))!.ack()
  await queue.close()
  const call = desk.call({ ...DEFAULTS, json: true })
  expect(await runShape(call, later(30_000))).toBe(0)
  const rows = values(call.printed())
  expect(rows).toMatchObject([
    { by: 'peer', room: 'outbox', peer: 'tokyo', total: 3 },
    { by: 'channel', room: 'outbox', channel: 'orders', total: 3 },
    { by: 'channel', room: 'inbox', channel: 'mail', total: 1 }
  ])
  expect(rows[0].ages[3]).toEqual({ upToMs: 40_000, count: 3 })
  expect(rows[0].ages.at(-1)).toEqual({ upToMs: null, count: 0 })

  const text = desk.call({ ...DEFAULTS, by: 'peer' as const, columns: 2 })
  await runShape(text, later(7_000))
  expect(text.printed().split('\n')).toEqual([
    'ROOM    PEER   TOTAL  5s  10s  OLDER',
    'outbox  tokyo  3      .   3    .',
    ''
  ])
  const one = desk.call({ ...DEFAULTS, channel: ['mail'] })
  await runShape(one)
  expect(one.printed()).toMatch(/^nothing waits for a peer\n\nROOM .*\ninbox +mail +1 +1 /)
})

test.each([
  [{ first: '0s' }, 'above 0'],
  [{ first: '100d', columns: 20 }, 'ten years'],
  [{ first: 'soon' }, "'10s'"]
])('shape refuses %j', async (options, message) => {
  await expect(runShape(desk.call({ ...DEFAULTS, ...options }))).rejects.toThrow(message)
})

test('F13: workers with what they work on, messages by state, and depths by priority are those that are there', async () => {
  const queue = await openDesk()
  const seeded = [
    ['mail', 9, 3],
    ['mail', 0, 2],
    ['orders', 4, 4],
    ['orders', 5, 1]
  ] as const
  for (const [channel, priority, count] of seeded)
    await queue.sendMessages(
      Array.from({ length: count }, (_, i) => `${channel} ${priority} ${i}`),
      { channel, priority }
    )
  // A poll gives the highest of what has come in.
  for (const channel of ['mail', 'orders'])
    await expect.poll(async () => (await queue.peek({ channel, max: 10 })).length, { timeout: 10_000 }).toBe(5)
  // Higher first: of mail one is done, one dead, one leased; of orders one is held back and one waits to be tried again.
  const [done, dead] = await queue.poll({ channel: 'mail', max: 3, wait: '10s' })
  await done!.ack()
  await dead!.reject('no')
  const [again] = await queue.poll({ channel: 'orders', max: 1, wait: '10s' })
  await again!.retry({ reason: 'busy', after: '1h' })
  const [held] = await queue.peek({ channel: 'orders' })
  await queue.hold(held!.id)
  const close = await Promise.all(
    [
      { pid: 41, channel: 'mail', command: 'sendmail -t', concurrency: 2, startedAt: 1, finished: 7 },
      { pid: 42, channel: 'orders', command: 'sh -c true', concurrency: 1, startedAt: 2, finished: 0 }
    ].map(worker => openBoard(nodeSystem(), path.join(desk.spool, 'run'), () => ({ ...worker, running: [] })))
  )
  try {
    const ls = desk.call({ json: true })
    await runChannelLs(ls)
    const states = values(ls.printed()).map(({ channel, states: counts }) => [channel, counts])
    expect(states).toEqual([
      ['mail', { done: 1, dead: 1, leased: 1, pending: 2 }],
      ['orders', { pending: 4, held: 1 }]
    ])
    const shape = desk.call({ ...DEFAULTS, by: 'priority' as const, json: true })
    await runShape(shape)
    const depths = values(shape.printed()).map(({ room, channel, priority, total }) => [room, channel, priority, total])
    expect(new Set(depths)).toEqual(
      new Set([
        ['inbox', 'mail', 0, 2],
        ['inbox', 'mail', 9, 1],
        ['inbox', 'orders', 4, 4],
        ['inbox', 'orders', 5, 1]
      ])
    )
    const top = desk.call({ once: true, json: true, interval: '100ms', sort: 'rate' })
    await runTop(top)
    expect(values(top.printed())[0].workers).toMatchObject([
      { pid: 41, channel: 'mail', command: 'sendmail -t', concurrency: 2 },
      { pid: 42, channel: 'orders', command: 'sh -c true', concurrency: 1 }
    ])
    const table = desk.call({ ...DEFAULTS, by: 'priority' as const })
    await runShape(table)
    expect(table.printed()).toMatch(/CHANNEL, PRIORITY +TOTAL[\s\S]*inbox +orders 4 +4 /)
  } finally {
    for (const one of close) await one()
    await queue.close()
  }
})
