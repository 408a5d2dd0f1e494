import { expect, test } from 'vitest'
import { SimNodes } from '../rows/sim-nodes.ts'

/** Deaths of the receiver, in all and in each life of the world. Every third takes the power of the whole machine with it. */
const KILLS = 300
const KILLS_EACH = 30
const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, answerMsMax: 200, rangeBytesMax: 1_024, segmentBytesMax: 65_536 }

test('D3 P3 P4: over 300 deaths of the receiver at any moment, each with un-synced bytes lost, what was acknowledged is on its disk, and all of it enters the inbox once, in order', async () => {
  for (let seed = 0; seed < KILLS / KILLS_EACH; seed++) await killTheReceiver(seed)
})

async function killTheReceiver(seed: number): Promise<void> {
  const nodes = new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: LIMITS })
  const { clock, world } = nodes
  const random = world.random.fork('kills')
  // Answers linger, so that deaths fall between store and reply.
  nodes.wire = () => ({ answerDelayMs: random.int(30) })
  const client = await nodes.client('berlin')
  const app = await nodes.queue('berlin')
  const tokyo = nodes.machine('tokyo')
  let owner = await nodes.server('tokyo')
  let sent = 0
  let uploadsOfTheDead = 0
  for (let kills = 0; kills < KILLS_EACH; kills++) {
    const bodies = Array.from({ length: 1 + random.int(20) }, () => sent++)
    await nodes.until(app.sendMessages(bodies, { to: 'tokyo', channel: 'c' }))
    await clock.advance(random.between(0, 60))
    nodes.down.add('tokyo')
    const acked = client.status().peers[0]!.acked
    if (kills % 3 === 0) tokyo.powerCut({ data: 'lose', names: 'lose' })
    else tokyo.process('server').kill()
    owner = await nodes.server('tokyo')
    // Told before the death, or while it died: on the disk now.
    expect(owner.depth(), `seed ${seed}, death ${kills}`).toBeGreaterThanOrEqual(acked)
    nodes.down.delete('tokyo')
    if (owner.depth() > acked) uploadsOfTheDead++
    if (kills % 10 === 9) await clock.advance(2_000)
  }
  await clock.advance(10_000)
  expect(client.status().peers[0]).toMatchObject({ acked: sent, inFlight: 0 })
  const got = await nodes.take(await nodes.queue('tokyo'), 'c')
  expect(got.map(message => message.body)).toEqual(Array.from({ length: sent }, (_, i) => i))
  expect(got.every(message => message.deliveries === 1)).toBe(true)
  // A run in which no death fell between store and reply proves nothing.
  expect(uploadsOfTheDead).toBeGreaterThan(KILLS_EACH / 20)
}

test('P3: the sender keeps what was not acknowledged, and lets go of it only then', async () => {
  const nodes = new SimNodes({
    seed: 12,
    names: ['berlin', 'tokyo'],
    limits: { ...LIMITS, retentionMs: 0, scanMs: 20_000 }
  })
  const { clock } = nodes
  nodes.down.add('tokyo')
  const client = await nodes.client('berlin')
  const app = await nodes.queue('berlin')
  await nodes.until(app.sendMessages([1, 2, 3], { to: 'tokyo' }))
  await nodes.until(app.close())
  const files = () => nodes.machine('berlin').process('looker').files
  const segments = () => clock.until(files().list('/spool/outbox/tokyo/common/4'))
  // A day in which the client looks for what it may remove.
  await clock.advance(3_600_000)
  expect(await segments()).toHaveLength(1)
  nodes.down.delete('tokyo')
  const owner = await nodes.server('tokyo')
  await clock.advance(1_500)
  expect(client.status().peers[0]!.acked).toBe(3)
  expect(owner.depth()).toBe(3)
  await clock.advance(600_000)
  expect(await segments().catch(() => [])).toHaveLength(0)
  await nodes.until(client.close({ withinMs: 1_000 }))
})
