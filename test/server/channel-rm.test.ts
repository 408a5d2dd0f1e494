import { expect, test } from 'vitest'
import { type SimNodes as Nodes, SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, scanMs: 1_000 }
const CHANNEL = 'orders'

/** What lies below a folder of a machine's spool. */
async function filesIn(nodes: Nodes, machine: string, folder: string): Promise<string[]> {
  const found = await nodes.until(
    nodes
      .machine(machine)
      .disk.list(`${SPOOL}/${folder}`)
      .catch(() => undefined)
  )
  return found?.map(({ name }) => name) ?? ['no folder']
}

const sent = (body: string, more: object = {}) => ({ channel: CHANNEL, id: `id ${body}`, ...more })

/**
 * Tokyo has six messages of berlin's, done with; of the last three berlin has not heard that they arrived, and its client is dead.
 */
async function unheard(seed: number) {
  const nodes = new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: LIMITS })
  await nodes.server('tokyo')
  await nodes.client('berlin')
  const berlin = await nodes.queue('berlin')
  const tokyo = await nodes.queue('tokyo')
  for (const body of ['a', 'b', 'c']) await nodes.until(berlin.sendMessage(body, { to: 'tokyo', ...sent(body) }))
  await nodes.clock.advance(2_000)
  nodes.wire = () => ({ loseAnswer: true })
  const late = ['d', 'e'].map(body => berlin.sendMessage(body, { to: 'tokyo', ...sent(body) }))
  await nodes.until(Promise.all([...late, berlin.sendMessage('f', { to: 'tokyo', channel: CHANNEL })]))
  await nodes.clock.advance(200)
  nodes.machine('berlin').process('client').kill()
  nodes.wire = () => undefined
  const got = await nodes.take(tokyo, CHANNEL)
  expect(got.map(({ body }) => body)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  return { nodes, berlin, tokyo }
}

/** Berlin sends again what it did not hear of, one more under an id that was there, and something new. */
async function sendAgain({ nodes }: { nodes: Nodes }): Promise<void> {
  await nodes.client('berlin', 'client2')
  const berlin = await nodes.queue('berlin', 'app2')
  await nodes.until(berlin.sendMessage('b', { to: 'tokyo', ...sent('b') }))
  await nodes.until(berlin.sendMessage('new', { to: 'tokyo', ...sent('new') }))
  await nodes.clock.advance(5_000)
}

test('channel rm removes an empty channel, and what its senders send again does not enter twice, over restarts', async () => {
  for (const seed of [1, 2]) {
    const { nodes, berlin, tokyo } = await unheard(seed)
    const dry = await nodes.until(tokyo.removeChannel(CHANNEL, { dryRun: true }))
    expect(dry).toMatchObject({ files: 1, left: {} })
    expect(await filesIn(nodes, 'tokyo', 'inbox')).toContain(CHANNEL)
    expect(await nodes.until(tokyo.removeChannel(CHANNEL))).toEqual(dry)
    expect(await filesIn(nodes, 'tokyo', 'inbox')).not.toContain(CHANNEL)
    expect(await filesIn(nodes, 'tokyo', 'removed')).toEqual([`${CHANNEL}.json`])
    expect(await nodes.until(tokyo.removeChannel(CHANNEL))).toMatchObject({ files: 0 })
    if (seed === 2) {
      nodes.machine('tokyo').powerCut({ data: 'lose', names: 'lose' })
      await nodes.server('tokyo', 'server2')
    }
    await sendAgain({ nodes })
    const queue = await nodes.queue('tokyo', 'app3')
    expect((await nodes.take(queue, CHANNEL)).map(({ body }) => body)).toEqual(['new'])
    expect(await nodes.until(berlin.status('id e'))).toMatchObject({ deliveries: [{ delivered: true }] })
    // It says now itself what was remembered, and may be removed again.
    expect(await filesIn(nodes, 'tokyo', 'removed')).toEqual([])
    expect(await nodes.until(queue.removeChannel(CHANNEL))).toMatchObject({ files: 1 })
    await nodes.until(berlin.sendMessage('again', { to: 'tokyo', ...sent('again') }))
    await nodes.clock.advance(2_000)
    expect((await nodes.take(queue, CHANNEL)).map(({ body }) => body)).toEqual(['again'])
  }
})

test('channel rm refuses with CHANNEL_NOT_EMPTY, and says what waits, is leased, held, unsent or dead', async () => {
  const nodes = new SimNodes({ seed: 3, names: ['berlin', 'tokyo'], limits: LIMITS })
  const queue = await nodes.queue('berlin')
  const refusal = async () => {
    const refused = (error: { code?: string; message: string }) => `${error.code}: ${error.message}`
    return await nodes.until(queue.removeChannel(CHANNEL).then(() => 'removed', refused))
  }
  expect(await nodes.until(queue.removeChannel(CHANNEL))).toEqual({ files: 0, bytes: 0, left: {} })
  for (const body of ['a', 'b', 'c']) await nodes.until(queue.sendMessage(body, sent(body)))
  expect(await refusal()).toMatch(/^CHANNEL_NOT_EMPTY: channel "orders" cannot be removed: .*3 on their way in/)
  await nodes.clock.advance(1_000)
  expect(await refusal()).toBe('CHANNEL_NOT_EMPTY: channel "orders" cannot be removed: 3 wait')
  const message = (await nodes.until(queue.poll({ channel: CHANNEL, wait: '3s' })))!
  await nodes.until(queue.hold('id b'))
  expect(await refusal()).toContain('1 wait, 1 leased, 1 held')
  await nodes.until(message.reject('no use'))
  await nodes.until(queue.unhold('id b'))
  expect(await nodes.take(queue, CHANNEL)).toHaveLength(2)
  await nodes.until(queue.sendMessage('x', { ...sent('x'), to: 'tokyo' }))
  expect(await refusal()).toContain('1 unsent to tokyo, 1 dead letters')
  await nodes.until(queue.dead.remove({ all: true }))
  expect(await refusal()).toContain('removed: 1 unsent to tokyo')
  await nodes.server('tokyo')
  await nodes.client('berlin')
  await nodes.clock.advance(3_000)
  expect(await filesIn(nodes, 'berlin', `dead/${CHANNEL}`)).toHaveLength(2)
  expect(await nodes.until(queue.status('id b'))).toMatchObject({ state: 'processed' })
  expect(await nodes.until(queue.removeChannel(CHANNEL))).toMatchObject({ left: { sent: 2 } })
  // What was sent is wiped, and goes once its writer has ended: of here, and of tokyo's.
  expect(await nodes.until(queue.status('id b'))).toMatchObject({ state: 'unknown' })
  expect(await filesIn(nodes, 'berlin', 'inbox')).not.toContain(CHANNEL)
  expect(await filesIn(nodes, 'berlin', `dead/${CHANNEL}`)).toEqual([])
  await expect(queue.removeChannel('$dropr.reply')).rejects.toThrow(TypeError)
  await nodes.until(queue.close())
  const next = await nodes.queue('berlin', 'app2')
  await nodes.until(next.peek({ channel: 'other' }))
  await nodes.clock.advance(180_000)
  for (const peer of ['berlin', 'tokyo'])
    expect(await filesIn(nodes, 'berlin', `outbox/${peer}/${CHANNEL}/4`)).toEqual([])
})

test('channel rm takes a pause along, and whoever waits for a message gets the first that comes afterwards', async () => {
  const nodes = new SimNodes({ seed: 4, names: ['berlin'], limits: LIMITS })
  const queue = await nodes.queue('berlin')
  await nodes.until(queue.sendMessage('a', sent('a')))
  expect(await nodes.take(queue, CHANNEL)).toHaveLength(1)
  await nodes.until(queue.pause(CHANNEL))
  const waiting = queue.poll({ channel: CHANNEL, wait: '60s' })
  await nodes.clock.advance(100)
  await nodes.until(queue.removeChannel(CHANNEL))
  await nodes.until(queue.sendMessage('b', sent('b')))
  expect(await nodes.until(waiting)).toMatchObject({ body: 'b' })
})

/** The owner of tokyo's inbox dies at the k-th call of the disk, while a channel is removed; a message comes at the j-th. */
async function dieAt(k: number, { power, j }: { power: boolean; j?: number }) {
  const { nodes, tokyo } = await unheard(1_000 + k)
  const machine = nodes.machine('tokyo')
  const server = machine.process('server')
  const kept: string[] = []
  let calls = 0
  const hook = machine.disk.failNext({
    call: 'any',
    code: 'EIO',
    path: path => {
      if (!/^\/spool\/(inbox|removed|dead)/.test(path)) return false
      if (++calls === j) tokyo.sendMessage('late', sent('late')).then(() => kept.push('late'), String)
      if (calls === k && server.alive) {
        if (power) machine.powerCut()
        else server.kill()
      }
      return false
    }
  })
  let went = false
  tokyo.removeChannel(CHANNEL).then(() => {
    went = true
  }, String)
  await nodes.clock.advance(500)
  const all = calls
  await nodes.clock.advance(1_500)
  hook.remove()
  if (server.alive) server.kill()
  await nodes.server('tokyo', 'server2')
  await sendAgain({ nodes })
  const got = (await nodes.take(await nodes.queue('tokyo', 'app3'), CHANNEL)).map(({ body }) => body as string)
  const said = `step ${k}, ${power ? 'power cut' : 'killed'}, a message at ${j}`
  for (const body of ['new', ...kept])
    expect(
      got.filter(one => one === body),
      `${said}: ${body}`
    ).toHaveLength(1)
  expect(
    got.filter(body => body !== 'new' && body !== 'late'),
    said
  ).toEqual([])
  expect(await filesIn(nodes, 'tokyo', 'removed'), said).not.toContain(`${CHANNEL}.json`)
  return { calls: all, went }
}

test.each([[false], [true]])(
  'channel rm: dead between any two calls of the disk (power cut: %s) leaves the channel or none, and nothing lost or twice',
  async power => {
    let lates = 0
    for (let k = 1; ; k++) {
      const { calls, went } = await dieAt(k, { power })
      if ((await dieAt(k, { power, j: 1 + ((k * 7) % 23) })).went) lates++
      if (calls >= k) continue
      expect(went).toBe(true)
      expect(k).toBeGreaterThan(15)
      break
    }
    expect(lates).toBeGreaterThan(0)
  },
  120_000
)
