import { expect, test } from 'vitest'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, scanMs: 1_000 }

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `m${from + i}`)

async function behindADeadPeer(seed: number) {
  const nodes = new SimNodes({ seed, names: ['berlin', 'tokyo', 'paris'], limits: LIMITS })
  nodes.down.add('tokyo')
  await nodes.client('berlin')
  await nodes.server('tokyo')
  const queue = await nodes.queue('berlin')
  const tokyo = await nodes.queue('tokyo')
  return { nodes, queue, tokyo }
}

test('purge for a peer takes what waits for it out of what is sent, openly, and what comes later arrives in order', async () => {
  const { nodes, queue, tokyo } = await behindADeadPeer(1)
  await nodes.until(queue.sendMessages(numbered(200), { to: 'tokyo' }))
  await nodes.until(queue.sendMessages(['other'], { to: 'tokyo', channel: 'b' }))
  await nodes.until(queue.sendMessages(['elsewhere'], { to: 'paris' }))
  const receipt = await nodes.until(queue.sendMessage('m77 more', { to: 'tokyo' }))
  await nodes.clock.advance(10)
  const peer = 'tokyo'
  expect(await nodes.until(queue.purge({ peer, match: 'm*7', dryRun: true }))).toMatchObject({ moved: 20 })
  expect(await nodes.until(queue.purge({ peer, match: 'm*7' }))).toMatchObject({ moved: 20 })
  // What is cancelled already is not counted again.
  expect(await nodes.until(queue.purge({ peer, match: 'm*7' }))).toMatchObject({ moved: 0 })
  expect(await nodes.until(queue.purge({ ids: [receipt.id], peer }))).toMatchObject({ moved: 1 })
  expect(await nodes.until(queue.purge({ peer, channel: 'common', limit: 3 }))).toMatchObject({ moved: 3 })
  await nodes.until(queue.sendMessages(numbered(10, 200), { to: 'tokyo' }))
  await nodes.clock.advance(2_000)
  nodes.down.delete('tokyo')
  await nodes.clock.advance(5_000)
  const got = (await nodes.take(tokyo)).map(({ body }) => body)
  expect(got).toEqual(numbered(210).filter((body, i) => i > 2 && (i >= 200 || !body.endsWith('7'))))
  expect(await nodes.take(tokyo, 'b')).toHaveLength(1)
  const skips = nodes.uploads.filter(({ request }) => request.skip !== undefined)
  expect(skips.length).toBeGreaterThan(0)
  expect(skips.every(({ request }) => request.skip!.reason === 'cancelled')).toBe(true)
  // Its sender is not told that it arrived.
  expect(await nodes.until(queue.status(receipt.id))).toMatchObject({ state: 'dead' })
})

test('what was cancelled stays so after a power cut, and what has arrived is not counted', async () => {
  const { nodes, queue, tokyo } = await behindADeadPeer(2)
  nodes.down.delete('tokyo')
  await nodes.until(queue.sendMessages(numbered(10), { to: 'tokyo' }))
  await nodes.clock.advance(3_000)
  nodes.down.add('tokyo')
  await nodes.until(queue.sendMessages(numbered(10, 10), { to: 'tokyo' }))
  await nodes.clock.advance(10)
  expect(await nodes.until(queue.purge({ peer: 'tokyo' }))).toMatchObject({ moved: 10 })
  nodes.machine('berlin').powerCut({ data: 'lose', names: 'lose' })
  nodes.down.delete('tokyo')
  await nodes.client('berlin', 'client2')
  const again = await nodes.queue('berlin', 'app2')
  await nodes.until(again.sendMessage('last', { to: 'tokyo' }))
  await nodes.clock.advance(10_000)
  expect((await nodes.take(tokyo)).map(({ body }) => body)).toEqual([...numbered(10), 'last'])
})

test('a cancel that failed at its last step, said again, holds after a power cut', async () => {
  const { nodes, queue, tokyo } = await behindADeadPeer(4)
  await nodes.until(queue.sendMessages(numbered(10), { to: 'tokyo' }))
  await nodes.clock.advance(10)
  const { disk } = nodes.machine('berlin')
  disk.failNext({ call: 'replace', code: 'EIO', path: path => path.endsWith('/cancelled') })
  await expect(nodes.until(queue.purge({ peer: 'tokyo' }))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  // It is noted; whether for good nobody knew.
  expect(await nodes.until(queue.purge({ peer: 'tokyo' }))).toMatchObject({ moved: 0 })
  nodes.machine('berlin').powerCut({ data: 'lose', names: 'lose' })
  nodes.down.delete('tokyo')
  await nodes.client('berlin', 'client2')
  await nodes.clock.advance(10_000)
  expect(await nodes.take(tokyo)).toEqual([])
})

test('what was noted of streams whose files are gone is forgotten, and what waits cancelled stays so', async () => {
  const { nodes, queue } = await behindADeadPeer(3)
  nodes.down.delete('tokyo')
  const owner = await nodes.server('berlin', 'owner')
  await nodes.until(queue.sendMessages(numbered(10), { to: 'tokyo', channel: 'a' }))
  await nodes.clock.advance(3_000)
  nodes.down.add('tokyo')
  await nodes.until(queue.sendMessages(numbered(10), { to: 'tokyo', channel: 'a' }))
  await nodes.until(queue.sendMessages(numbered(10), { to: 'tokyo', channel: 'b' }))
  await nodes.clock.advance(10)
  expect(await nodes.until(queue.purge({ peer: 'tokyo' }))).toMatchObject({ moved: 20 })
  expect(await nodes.until(queue.clean({ olderThan: 1, room: 'outbox' }))).toMatchObject({ messages: 10 })
  const noted = (room: string) =>
    Object.keys(JSON.parse(nodes.machine('berlin').disk.peek(`${SPOOL}/${room}/tokyo.json`)!.toString()) as object)
      .length
  expect([noted('cancelled'), noted('wiped')]).toEqual([2, 1])
  // The file of channel a goes: its messages arrived, or were skipped.
  nodes.down.delete('tokyo')
  await nodes.clock.advance(5_000)
  nodes.down.add('tokyo')
  await nodes.until(queue.clean({ olderThan: 1, room: 'outbox', channel: 'a' }))
  await nodes.until(queue.close())
  await nodes.clock.advance(130_000)
  // A new owner looks at once.
  await nodes.until(owner.close())
  const heir = await nodes.server('berlin', 'heir')
  await nodes.clock.advance(70_000)
  expect([noted('cancelled') < 2, noted('wiped')]).toEqual([true, 0])
  await nodes.until(heir.close())
})
