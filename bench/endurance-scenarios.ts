import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openQueue } from '../src/index.ts'
import { passage } from './hops-scenarios.ts'
import { memoryMiB } from './processes.ts'
import { median, RATIO, type Result, type Scenario, type Stage } from './scenario.ts'
import { withTwoNodes } from './two-nodes.ts'
import { freePort, UpNode } from './up.ts'

const BODY_BYTES = 256
const IDLE_CONSUMERS = 2_000
const PEERS_EACH = 50
/** What a process needs has settled so long after the last arrival. */
const SETTLE_MS = 10_000
const MANY = 10_000

/** A million after the other through one pair of nodes, and new pairs: what each process holds after the first, and after the last. */
async function fiveMillion(stage: Stage): Promise<Result> {
  const pairs: Record<string, number>[] = []
  for (let pair = 0; pair < stage.rounds; pair++) pairs.push(await onePair(stage, pair))
  const names = Object.keys(pairs[0]!)
  return { figures: Object.fromEntries(names.map(name => [name, median(pairs.map(pair => pair[name]!))])) }
}

function onePair(stage: Stage, pair: number): Promise<Record<string, number>> {
  const messages = stage.messages(1_000_000)
  const held = { client: [] as number[], server: [] as number[] }
  return withTwoNodes(stage, `five-million-${pair}`, async (a, b) => {
    for (let round = 0; round < 5; round++) {
      await passage(a, b, { channel: 'c', messages, bodyBytes: BODY_BYTES })
      await sleep(messages < MANY ? 100 : SETTLE_MS)
      held.client.push(memoryMiB(a.pidOf('client')!))
      held.server.push(memoryMiB(b.pidOf('server')!))
    }
    const { client, server } = held
    return {
      clientGrowthPercent: growth(client),
      serverGrowthPercent: growth(server),
      clientMiB: client.at(-1)!,
      serverMiB: server.at(-1)!
    }
  })
}

function growth(values: readonly number[]): number {
  return Math.max(0, (values.at(-1)! / Math.max(1, values[0]!) - 1) * 100)
}

/** Two hops without and with many who want nothing, and many peers of which half are dead, each with a message that waits. */
async function crowd(stage: Stage): Promise<Result> {
  const messages = stage.messages(200_000)
  const alone: number[] = []
  const among: number[] = []
  const [portA, portB] = [await freePort(), await freePort()]
  const b = await UpNode.start({ name: 'bench-b', spool: path.join(stage.folder, 'crowd-b'), port: portB })
  const peers: Record<string, { url: string }> = { 'bench-b': { url: `http://127.0.0.1:${portB}` } }
  for (let n = 0; n < PEERS_EACH; n++) {
    peers[`live-${n}`] = { url: `http://127.0.0.1:${portB}` }
    peers[`dead-${n}`] = { url: 'http://127.0.0.1:9' }
  }
  const spool = path.join(stage.folder, 'crowd-a')
  const rate = async (a: UpNode, channel: string) => {
    const { firstAt, end } = await passage<{ lastAckAt: number }>(a, b, { channel, messages, bodyBytes: BODY_BYTES })
    return (messages / (end.lastAckAt - firstAt)) * 1_000
  }
  try {
    // One round that counts for nothing, then as many of each as there are rounds.
    for (let round = -1; round < stage.rounds; round++) {
      const few = await UpNode.start({ name: 'bench-a', spool, port: portA, peers: { 'bench-b': peers['bench-b']! } })
      const without = await stopping(few, () => rate(few, `alone-${round}`))
      const many = await UpNode.start({ name: 'bench-a', spool, port: portA, peers })
      const withThem = await stopping(many, () => amongOthers(many, b, () => rate(many, `among-${round}`)))
      if (round < 0) continue
      alone.push(without)
      among.push(withThem)
    }
  } finally {
    await b.stop()
  }
  const ratio = median(among.map((value, i) => value / alone[i]!))
  return { figures: { perSecond: median(among) }, floor: { perSecond: median(alone) }, ratio }
}

async function stopping<T>(node: UpNode, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await node.stop()
  }
}

async function amongOthers<T>(a: UpNode, b: UpNode, work: () => Promise<T>): Promise<T> {
  await using sender = await openQueue({ spool: a.spool })
  for (let n = 0; n < PEERS_EACH; n++) await sender.sendMessage('waits', { to: `dead-${n}`, channel: 'waits' })
  await using idle = await openQueue({ spool: b.spool })
  for (let n = 0; n < IDLE_CONSUMERS; n++) idle.consume(`idle-${n % 200}`, () => undefined)
  await sleep(500)
  return await work()
}

export const enduranceScenarios: readonly Scenario[] = [
  {
    name: 'pair-5000000-256B',
    title: '5,000,000 messages of 256 B through one pair of nodes, a million at a time',
    byName: true,
    targets: [
      {
        figure: 'serverGrowthPercent',
        unit: '% more in the server after the last than after the first',
        atMost: 5,
        aim: 0
      },
      { figure: 'clientGrowthPercent', unit: '% more in the client', atMost: 5, aim: 0 }
    ],
    run: fiveMillion
  },
  {
    name: 'crowd-2000-idle-100-peers',
    title: 'two hops, 256 B, with 2,000 idle consumers there and 100 more peers here of which 50 are dead',
    byName: true,
    targets: [{ figure: RATIO, unit: 'of the same without them', atLeast: 0.9, aim: 1 }],
    run: crowd
  }
]
