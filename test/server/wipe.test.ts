import { expect, test } from 'vitest'
import { openRooms } from '../../src/cli/ls-rooms.ts'
import { type SimNodes as Nodes, SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const LIMITS = { retryMsMin: 20, retryMsMax: 60_000, scanMs: 20_000, retentionMs: 604_800_000 }
const MINUTE = 60_000

/** Bodies' count by state, as `ls` sees them. */
async function listed(
  nodes: Nodes,
  machine: string,
  room: string,
  channel = 'common'
): Promise<Record<string, number>> {
  const system = nodes.machine(machine).process('ls')
  const states: Record<string, number> = {}
  for (const found of await nodes.until(openRooms(system, SPOOL)))
    if (found.room === room && found.channel === channel) {
      const count = async () => {
        for await (const batch of found.batches())
          for (const { state } of batch) states[state] = (states[state] ?? 0) + 1
      }
      await nodes.until(count())
    }
  return states
}

async function filesIn(nodes: Nodes, machine: string, folder: string): Promise<string[]> {
  const found = await nodes.until(
    nodes
      .machine(machine)
      .disk.list(`${SPOOL}/${folder}`)
      .catch(() => [])
  )
  return found.map(({ name }) => name).filter(name => /\.(seg|blob)$/.test(name))
}

const five = (prefix: string) => Array.from({ length: 5 }, (_, i) => `${prefix}${i}`)

test('F2: of 5 old and 5 new messages in one file, all sent, clean --older-than --sent takes 5 and leaves 5; the file goes with the last', async () => {
  const nodes = new SimNodes({ seed: 1, names: ['berlin', 'tokyo', 'paris'], limits: LIMITS })
  await nodes.server('tokyo')
  await nodes.client('berlin')
  nodes.down.add('paris')
  const queue = await nodes.queue('berlin')
  const receipts = await nodes.until(queue.sendMessages(five('old'), { to: 'tokyo' }))
  await nodes.until(queue.sendMessages(five('stuck'), { to: 'paris' }))
  await nodes.clock.advance(10 * MINUTE)
  await nodes.until(queue.sendMessages(five('new'), { to: 'tokyo' }))
  await nodes.clock.advance(5_000)
  expect(await filesIn(nodes, 'berlin', 'outbox/tokyo/common/4')).toHaveLength(1)
  expect(await listed(nodes, 'berlin', 'outbox')).toEqual({ acked: 10, pending: 5 })

  const which = { olderThan: '5m', room: 'outbox' } as const
  const channels = [{ room: 'outbox', channel: 'common', messages: 5 }]
  for (const more of [{ peer: 'paris' }, { channel: 'other' }])
    expect(await nodes.until(queue.clean({ ...which, ...more }))).toMatchObject({ messages: 0, channels: [] })
  expect(await nodes.until(queue.clean({ ...which, dryRun: true }))).toMatchObject({ messages: 5, channels })
  expect(await nodes.until(queue.clean(which))).toMatchObject({ messages: 5, channels })
  expect(await nodes.until(queue.clean(which))).toMatchObject({ messages: 0 })
  expect(await listed(nodes, 'berlin', 'outbox')).toEqual({ acked: 5, pending: 5 })
  expect(await nodes.until(queue.status(receipts[0]!.id))).toMatchObject({ state: 'unknown' })

  // What is not with its peer is not touched, however old; once all of a file is wiped it goes, long before its retention.
  await nodes.clock.advance(10 * MINUTE)
  expect(await nodes.until(queue.clean(which))).toMatchObject({ messages: 5 })
  await nodes.until(queue.close())
  await nodes.clock.advance(3 * MINUTE)
  expect(await listed(nodes, 'berlin', 'outbox')).toEqual({ pending: 5 })
  expect(await filesIn(nodes, 'berlin', 'outbox/tokyo/common/4')).toEqual([])
  expect(await filesIn(nodes, 'berlin', 'outbox/paris/common/4')).toHaveLength(1)
  nodes.down.delete('paris')
  await nodes.server('paris')
  await nodes.clock.advance(2 * MINUTE)
  expect(await nodes.take(await nodes.queue('paris'))).toHaveLength(5)
  expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual([
    ...five('old'),
    ...five('new')
  ])
})

/** Five old ones in each of two channels, five new ones and one that waits in the first, all in one file a channel. */
async function processed(seed: number) {
  const nodes = new SimNodes({ seed, names: ['berlin'], limits: LIMITS })
  const queue = await nodes.queue('berlin')
  const sent = async (channel: string, prefix: string) => {
    for (const id of five(prefix)) await nodes.until(queue.sendMessage(id, { channel, id }))
    expect(await nodes.take(queue, channel)).toHaveLength(5)
  }
  await sent('a', 'old')
  await sent('b', 'also')
  await nodes.until(queue.sendMessage('waits', { channel: 'a' }))
  await nodes.clock.advance(10 * MINUTE)
  const [waits] = await nodes.until(queue.poll({ channel: 'a', max: 1, wait: '3s' }))
  await nodes.until(waits!.release({ after: '5m' }))
  await sent('a', 'new')
  return { nodes, queue }
}

test('F6: clean --older-than --processed takes what was acknowledged, by channel, and nothing that waits, is new, or has not come', async () => {
  const { nodes, queue } = await processed(2)
  const which = { olderThan: '5m', room: 'inbox' } as const
  expect(await nodes.until(queue.clean({ ...which, channel: 'c' }))).toMatchObject({ messages: 0 })
  expect(await nodes.until(queue.clean({ ...which, channel: 'a', dryRun: true }))).toMatchObject({ messages: 5 })
  expect(await listed(nodes, 'berlin', 'inbox', 'a')).toEqual({ done: 10, pending: 1 })
  expect(await nodes.until(queue.clean({ ...which, channel: 'a' }))).toMatchObject({
    messages: 5,
    segments: 0,
    channels: [{ room: 'inbox', channel: 'a', messages: 5 }]
  })
  expect(await listed(nodes, 'berlin', 'inbox', 'a')).toEqual({ done: 5, pending: 1 })
  // All of b's file is wiped: it goes.
  expect(await nodes.until(queue.clean(which))).toMatchObject({
    messages: 5,
    channels: [{ channel: 'b', messages: 5 }]
  })
  expect(await listed(nodes, 'berlin', 'inbox', 'b')).toEqual({})
  // Not seen by who comes next either, and not given again.
  nodes.machine('berlin').powerCut({ data: 'lose', names: 'lose' })
  const next = await nodes.queue('berlin', 'app2')
  expect(await nodes.until(next.clean(which))).toMatchObject({ messages: 0 })
  expect(await listed(nodes, 'berlin', 'inbox', 'a')).toEqual({ done: 5, pending: 1 })
  expect(await nodes.until(next.replay({ all: true }))).toMatchObject({ moved: 5 })
  expect((await nodes.take(next, 'a')).map(({ body }) => body)).toEqual(five('new'))
  // Ids that were given are remembered all the same.
  for (const [channel, id] of [
    ['a', 'old1'],
    ['b', 'also1']
  ] as const) {
    await nodes.until(next.sendMessage('twice', { channel, id }))
    expect(await nodes.take(next, channel)).toEqual([])
  }
  for (const olderThan of [0, -1, '0s']) await expect(next.clean({ olderThan })).rejects.toThrow(TypeError)
  await expect(next.clean({ room: 'inbox' })).rejects.toThrow('only with olderThan')
})

test('the space of what was wiped comes back at once where nothing else lies in the file, also of large bodies', async () => {
  const nodes = new SimNodes({ seed: 3, names: ['berlin'], limits: { ...LIMITS, messageBytesMax: 1_024 } })
  const queue = await nodes.queue('berlin')
  await nodes.until(queue.sendMessages(five('m')))
  await nodes.until(
    queue.sendMessage(
      (async function* () {
        for (let i = 0; i < 4; i++) yield Buffer.alloc(1_024, i)
      })()
    )
  )
  expect(await nodes.take(queue)).toHaveLength(6)
  await nodes.clock.advance(10 * MINUTE)
  const kinds = (await filesIn(nodes, 'berlin', 'inbox/common')).map(name => name.split('.').at(-1))
  expect(new Set(kinds)).toEqual(new Set(['blob', 'seg']))
  const before = await filesIn(nodes, 'berlin', 'inbox/common')
  expect(await nodes.until(queue.clean({ olderThan: '1m', room: 'inbox' }))).toMatchObject({ messages: 6, segments: 1 })
  const after = await filesIn(nodes, 'berlin', 'inbox/common')
  expect(after.filter(name => before.includes(name))).toEqual([])
})

test('an owner that dies while messages are wiped leaves each seen or not, none that waits is lost, and asked again the rest goes', async () => {
  const seen = new Set<number>()
  for (let ms = 0; ms < 9; ms += 0.7) {
    const { nodes, queue } = await processed(100 + ms)
    queue.clean({ olderThan: '5m', room: 'inbox' }).catch(() => undefined)
    await nodes.clock.advance(ms)
    nodes.machine('berlin').powerCut()
    const next = await nodes.queue('berlin', 'app2')
    const { done = 0, pending } = await listed(nodes, 'berlin', 'inbox', 'a')
    expect([5, 10], `after ${ms} ms`).toContain(done)
    expect(pending).toBe(1)
    seen.add(done)
    expect(await nodes.until(next.clean({ olderThan: '5m', channel: 'a', room: 'inbox' }))).toMatchObject({
      messages: done - 5
    })
    await nodes.clock.advance(5 * MINUTE)
    expect((await nodes.take(next, 'a')).map(({ body }) => body)).toEqual(['waits'])
  }
  expect(seen.size).toBe(2)
})
