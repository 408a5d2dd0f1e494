import { expect, test } from 'vitest'
import { openQueue, type Queue } from '../../src/index.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { QUICK, type RealNode, RealWorld, SOAK, signalQuietly, until } from './real-world.ts'
import { SimNodes } from './sim-nodes.ts'

const NAMES = ['berlin', 'tokyo', 'paris', 'lima', 'oslo'] as const
const SPAN_MS = 60_000
const SEED = Number(process.env.DROPR_SEED ?? 28)
const LIMITS = { retryMsMin: 50, retryMsMax: 1_000, scanMs: 500 }

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
}, 120_000)

/** Sends to the others until it is told to end, and says what is safe. */
const SENDER = `
  const [spool, from, ...others] = args
  const queue = await openQueue({ spool })
  let going = true
  process.stdin.once('data', () => { going = false })
  for (let n = 0; going; n++) {
    const to = others[Math.floor(Math.random() * others.length)]
    const body = from + '>' + to + ' ' + n
    await queue.sendMessage(body, { to })
    console.log(body)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await queue.close()
  process.exit(0)`

/** Now one daemon, which its angel starts again, now a whole node, which we start again. */
async function killOne(node: RealNode, random: SimRandom): Promise<void> {
  const role = random.pick(['server', 'client', 'node'] as const)
  if (role !== 'node') return signalQuietly(node.pidOf(role), 'SIGKILL')
  signalQuietly(node.pid, 'SIGKILL')
  await node.stop()
  await node.start()
}

if (SOAK)
  test('C28: the same with real processes: five nodes, daemons and whole nodes killed with -9 and started again for 60 s', async () => {
    const world = new RealWorld()
    try {
      const nodes = new Map<string, RealNode>()
      const configs = NAMES.map(() => ({ peers: {} as Record<string, { url: string }>, limits: QUICK }))
      for (const [i, name] of NAMES.entries()) nodes.set(name, await world.up(name, { config: configs[i]! }))
      for (const [i, name] of NAMES.entries()) {
        const others = NAMES.filter(other => other !== name)
        configs[i]!.peers = Object.fromEntries(others.map(other => [other, { url: nodes.get(other)!.url }]))
        await nodes.get(name)!.stop()
        await nodes.get(name)!.start()
      }
      const senders = NAMES.map(name =>
        world.program(SENDER, { args: [world.spool(name), name, ...NAMES.filter(other => other !== name)] })
      )
      await Promise.all(senders.map(sender => sender.printed('>')))
      let kills = 0
      const end = performance.now() + SPAN_MS
      const killing = NAMES.map(async name => {
        const random = new SimRandom(`real mesh ${SEED} ${name}`)
        for (; performance.now() < end; kills++) {
          await killOne(nodes.get(name)!, random)
          await new Promise(resolve => setTimeout(resolve, random.between(0, 5_000)))
        }
      })
      await Promise.all(killing)
      for (const sender of senders) sender.child.stdin!.write('end\n')
      expect(await Promise.all(senders.map(({ ended }) => ended))).toEqual(NAMES.map(() => 0))
      const sent = senders.flatMap(({ lines }) => lines)
      expect(kills).toBeGreaterThanOrEqual(20)
      expect(sent.length).toBeGreaterThan(1_000)
      const got: { body: string; deliveries: number }[] = []
      for (const name of NAMES) {
        const due = sent.filter(body => body.includes(`>${name} `)).length
        const depth = async () =>
          ((await (await fetch(`${nodes.get(name)!.url}/health`)).json()) as { depth: number }).depth
        await until(async () => (await depth().catch(() => 0)) >= due)
        await using queue = await openQueue({ spool: world.spool(name) })
        for (;;) {
          const messages = await queue.poll({ max: 1_000, wait: '2s' })
          if (messages.length === 0) break
          got.push(...messages.map(({ body, deliveries }) => ({ body: body as string, deliveries })))
          await Promise.all(messages.map(message => message.ack()))
        }
      }
      checkArrived(sent, got)
    } finally {
      await world.end()
    }
  }, 400_000)
