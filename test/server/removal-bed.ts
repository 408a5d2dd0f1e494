import { expect } from 'vitest'
import type { Limits } from '../../src/limits.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { type SimNodes as Nodes, SimNodes, SPOOL } from '../rows/sim-nodes.ts'

export const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, scanMs: 3_000 }
export const CHANNEL = 'orders'

/** What lies below a folder of a machine's spool. */
export async function filesIn(nodes: Nodes, machine: string, folder: string): Promise<string[]> {
  const found = await nodes.until(
    nodes
      .machine(machine)
      .disk.list(`${SPOOL}/${folder}`)
      .catch(() => undefined)
  )
  return found?.map(({ name }) => name) ?? ['no folder']
}

export const sent = (body: string, more: object = {}) => ({ channel: CHANNEL, id: `id ${body}`, ...more })

/**
 * Tokyo has six messages of berlin's, done with; of the last three berlin has not heard that they arrived, and its client is dead.
 */
export async function unheard(seed: number, limits: Partial<Limits> = {}) {
  const nodes = new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: { ...LIMITS, ...limits } })
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
export async function sendAgain({ nodes }: { nodes: Nodes }): Promise<void> {
  await nodes.client('berlin', 'client2')
  const berlin = await nodes.queue('berlin', 'app2')
  await nodes.until(berlin.sendMessage('b', { to: 'tokyo', ...sent('b') }))
  await nodes.until(berlin.sendMessage('new', { to: 'tokyo', ...sent('new') }))
  await nodes.clock.advance(5_000)
}

/** How a channel comes to be removed. */
export interface Removal {
  limits?: Partial<Limits>
  /** So long before it the channel is left alone. */
  restMs?: number
  takesMs: number
  /** Without it the channel goes by itself. */
  ask?: (queue: Queue) => Promise<unknown>
}

/** The owner of tokyo's inbox dies at the k-th call of the disk, while a channel is removed; a message comes at the j-th. */
async function dieAt(k: number, options: { power: boolean; j?: number; remove: Removal }) {
  const { power, j, remove } = options
  const { nodes, tokyo } = await unheard(1_000 + k, remove.limits)
  if (remove.restMs !== undefined) await nodes.clock.advance(remove.restMs)
  const machine = nodes.machine('tokyo')
  const server = machine.process('server')
  const kept: string[] = []
  let calls = 0
  let went = false
  const hook = machine.disk.failNext({
    call: 'any',
    code: 'EIO',
    path: path => {
      if (!/^\/spool\/(inbox|removed|dead)/.test(path)) return false
      if (remove.ask === undefined && path === `${SPOOL}/removed/${CHANNEL}.json`) went = true
      if (++calls === j) tokyo.sendMessage('late', sent('late')).then(() => kept.push('late'), String)
      if (calls === k && server.alive) {
        if (power) machine.powerCut()
        else server.kill()
      }
      return false
    }
  })
  remove.ask?.(tokyo).then(() => {
    went = true
  }, String)
  await nodes.clock.advance(remove.takesMs)
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

/** That at each call of the disk that a removal makes, with and without a message that comes meanwhile. */
export async function dieAtEveryCall(power: boolean, remove: Removal): Promise<void> {
  let lates = 0
  for (let k = 1; ; k++) {
    const { calls, went } = await dieAt(k, { power, remove })
    if ((await dieAt(k, { power, remove, j: 1 + ((k * 7) % 23) })).went) lates++
    if (calls >= k) continue
    expect(went).toBe(true)
    expect(k).toBeGreaterThan(15)
    break
  }
  expect(lates).toBeGreaterThan(0)
}
