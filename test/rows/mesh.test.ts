import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/up.ts'
import type { Queue } from '../../src/index.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { SOAK } from '../soak.ts'
import { QUICK, RealNode, RealWorld, signalQuietly, take, until } from './real-world.ts'
import { SimNodes } from './sim-nodes.ts'

const NAMES = ['berlin', 'tokyo', 'paris', 'lima', 'oslo'] as const
const SPAN_MS = 60_000
const SEED = Number(process.env.DROPR_SEED ?? 28)
const LIMITS = { retryMsMin: 50, retryMsMax: 1_000, scanMs: 2_000 }

/** What one node sent another, in order: `berlin>tokyo 17`. */
const laneOf = (body: string) => body.slice(0, body.indexOf(' '))

/** What was polled is what was sent: each once, of each sender in its order. */
function checkArrived(sent: readonly string[], got: readonly { body: string; deliveries: number }[]): void {
  expect(got.map(({ body }) => body).toSorted()).toEqual(sent.toSorted())
  expect(got.filter(({ deliveries }) => deliveries !== 1)).toEqual([])
  for (const lane of new Set(sent.map(laneOf))) {
    const ofLane = got.map(({ body }) => body).filter(body => laneOf(body) === lane)
    expect(ofLane).toEqual(sent.filter(body => laneOf(body) === lane))
  }
}

test('C28: five equal simulated nodes that send to each other while their processes are killed for 60 s: every message is polled exactly once, in order', async () => {
  const random = new SimRandom(`mesh ${SEED}`)
  const nodes = new SimNodes({ seed: SEED, names: NAMES, limits: LIMITS })
  const { clock } = nodes
  const roles = { server: (name: string) => nodes.server(name), client: (name: string) => nodes.client(name) }
  const queues = new Map<string, Queue>()
  for (const name of NAMES) {
    await roles.server(name)
    await roles.client(name)
    queues.set(name, await nodes.queue(name))
  }
  const sent: string[] = []
  let kills = 0
  let ended = false
  const send = async (from: string) => {
    for (let n = 0; !ended; n++) {
      const to = random.pick(NAMES.filter(name => name !== from))
      const body = `${from}>${to} ${n}`
      await queues.get(from)!.sendMessage(body, { to })
      sent.push(body)
      await clock.sleep(random.between(0, 700))
    }
  }
  const sending = NAMES.map(send)
  for (const end = clock.ticks() + SPAN_MS; clock.ticks() < end; kills++) {
    const [name, role] = [random.pick(NAMES), random.pick(['server', 'client'] as const)]
    nodes.machine(name).process(role).kill()
    if (role === 'server') nodes.down.add(name)
    await clock.advance(random.between(0, 1_500))
    await roles[role](name)
    nodes.down.delete(name)
    await clock.advance(random.between(0, 1_000))
  }
  ended = true
  await nodes.until(Promise.all(sending))
  await clock.advance(10_000)
  expect(kills).toBeGreaterThan(30)
  expect(sent.length).toBeGreaterThan(500)
  const ranges = nodes.uploads.map(({ peer, request: { stream, from } }) => `${peer} ${stream} ${from}`)
  expect(new Set(ranges).size, 'something was sent again').toBeLessThan(ranges.length)
  const got = []
  for (const name of NAMES) got.push(...(await nodes.take(queues.get(name)!)))
  checkArrived(
    sent,
    got.map(({ body, deliveries }) => ({ body: body as string, deliveries }))
  )
})

/** How often each real node dies: in the soak for 60 s, with angels and daemons that die too; else as one process. */
const DEATHS = SOAK ? Number.POSITIVE_INFINITY : 1
const REAL_SPAN_MS = SOAK ? SPAN_MS : 30_000

/** Now one daemon, which its angel starts again, now a whole node, which we start again. */
async function killOne(node: RealNode, random: SimRandom): Promise<void> {
  const role = SOAK ? random.pick(['server', 'client', 'node'] as const) : 'node'
  if (role !== 'node') return signalQuietly(node.pidOf(role), 'SIGKILL')
  signalQuietly(node.pid, 'SIGKILL')
  await node.stop()
  await node.start()
}

/** Five nodes that know each other, and a queue on the spool of each. */
async function realMesh(world: RealWorld) {
  const peers = Object.fromEntries(
    await Promise.all(NAMES.map(async name => [name, `http://127.0.0.1:${await freePort()}`] as const))
  )
  const flags = SOAK ? [] : ['--single']
  const nodes = NAMES.map(name => {
    const { [name]: own, ...others } = peers
    const node = new RealNode(world, name, { config: { peers: others, limits: QUICK }, roles: 'client,server', flags })
    node.port = Number(new URL(own!).port)
    return node
  })
  await Promise.all(nodes.map(node => node.start()))
  return { nodes, queues: await Promise.all(NAMES.map(name => world.queue(name))) }
}

test('C28: five real nodes that send to each other while each is killed with -9 and started again (for 60 s in the soak): every message is polled exactly once, in order', async () => {
  const world = new RealWorld()
  try {
    const { nodes, queues } = await realMesh(world)
    const sent: string[] = []
    let going = true
    const sending = NAMES.map(async (from, i) => {
      for (let n = 0; going; n++) {
        const to = NAMES[(i + 1 + (n % 4)) % 5]!
        const body = `${from}>${to} ${n}`
        await queues[i]!.sendMessage(body, { to })
        sent.push(body)
        await pause(20)
      }
    })
    let kills = 0
    const end = performance.now() + REAL_SPAN_MS
    const killing = nodes.map(async node => {
      const random = new SimRandom(`real mesh ${SEED} ${node.name}`)
      for (let death = 0; death < DEATHS && performance.now() < end; death++, kills++) {
        await pause(random.between(0, SOAK ? 5_000 : 500))
        await killOne(node, random)
      }
    })
    await Promise.all(killing)
    going = false
    await Promise.all(sending)
    expect(kills).toBeGreaterThanOrEqual(SOAK ? 20 : NAMES.length)
    expect(sent.length).toBeGreaterThan(SOAK ? 1_000 : 100)
    const got: { body: string; deliveries: number }[] = []
    for (const [i, name] of NAMES.entries()) {
      const due = sent.filter(body => body.includes(`>${name} `)).length
      const depth = async () => ((await (await fetch(`${nodes[i]!.url}/health`)).json()) as { depth: number }).depth
      await until(async () => (await depth().catch(() => 0)) >= due)
      got.push(...(await take(queues[i]!, 'common', due + 1, 1_000)))
    }
    checkArrived(sent, got)
  } finally {
    await world.end()
  }
}, 400_000)
