import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openQueue, type Queue } from '../src/index.ts'
import { memoryMiB } from './processes.ts'
import { median, type Result, type Scenario, type Stage, type Target } from './scenario.ts'
import { diskBytes, freePort, UpNode } from './up.ts'
import { Worker } from './worker.ts'
import type { SendJob } from './worker-send.ts'

const BODY_BYTES = 256
const BACKLOG = 1_000_000
const FEW = 1_000
const POLL = 100
const POLLS = 21
const WARM_UP = 10
/** What a process needs for itself has settled so long after it began, or after the last arrival. */
const SETTLE_MS = 10_000
/** Uploads on their way at once, each of one message: one process alone keeps the server waiting. */
const UPLOADS = { processes: 4, streams: 32 }

interface Senders extends Pick<SendJob, 'inFlight' | 'durability'> {
  processes: number
}

const AT_ONCE: Senders = { processes: 1 }
/** Each message is a frame of its own. A sync for each would make the same bytes, in a quarter of an hour. */
const ONE_BY_ONE: Senders = { processes: 4, inFlight: 1, durability: 'buffered' }

/** Tiny runs do not wait for memory: their figures count for nothing. */
const settle = (messages: number) => sleep(messages < FEW * 10 ? 100 : SETTLE_MS)

/**
 * What waits at node a goes to b, which comes back with nothing; then b is asked, weighed, and killed.
 *
 * @param senders How it came to wait at a: sent at once by one process, or one after the other by each of several.
 */
async function backlog(stage: Stage, senders: Senders): Promise<Result> {
  const messages = stage.messages(BACKLOG)
  const [portA, portB] = [await freePort(), await freePort()]
  const peers = { 'bench-b': { url: `http://127.0.0.1:${portB}` } }
  const at = (name: string) => path.join(stage.folder, `backlog-${senders.processes}-${name}`)
  const a = await UpNode.start({ name: 'bench-a', spool: at('a'), port: portA, peers })
  let b: UpNode | undefined
  try {
    await settle(messages)
    const clientIdle = memoryMiB(a.pidOf('client')!)
    await send(a, { messages, channel: 'big' }, senders)
    b = await UpNode.start({ name: 'bench-b', spool: at('b'), port: portB })
    const serverIdle = memoryMiB(b.pidOf('server')!)
    const drainPerSecond = await drained(b, messages)
    await settle(messages)
    const clientMiB = memoryMiB(a.pidOf('client')!) - clientIdle
    const serverMiB = memoryMiB(b.pidOf('server')!) - serverIdle
    const duRatio = diskBytes(path.join(b.spool, 'inbox')) / (messages * BODY_BYTES)
    await send(a, { messages: Math.min(FEW, messages), channel: 'small' }, AT_ONCE)
    await drained(b, messages + Math.min(FEW, messages))
    const pollRatio = await withQueue(b, async queue => (await pollMs(queue, 'big')) / (await pollMs(queue, 'small')))
    const firstPollMs = await afterKill(b)
    return { figures: { drainPerSecond, clientMiB, serverMiB, duRatio, pollRatio, firstPollMs } }
  } finally {
    await b?.stop()
    await a.stop()
  }
}

/** The receiver alone, given every message in an upload of its own: the most it can be made to remember for a message. */
async function uploads(stage: Stage): Promise<Result> {
  const messages = stage.messages(BACKLOG)
  const port = await freePort()
  const b = await UpNode.start({ name: 'bench-b', spool: path.join(stage.folder, 'uploads'), port })
  try {
    await settle(messages)
    const idle = memoryMiB(b.pidOf('server')!)
    const { processes, streams } = UPLOADS
    const job = { url: `http://127.0.0.1:${port}`, channel: 'big', bodyBytes: BODY_BYTES, streams }
    await crew('upload', shares(messages, processes), share => ({ ...job, messages: share }))
    await settle(messages)
    const serverMiB = memoryMiB(b.pidOf('server')!) - idle
    return { figures: { serverMiB, firstPollMs: await afterKill(b) } }
  } finally {
    await b.stop()
  }
}

async function send(a: UpNode, what: Pick<SendJob, 'messages' | 'channel'>, senders: Senders): Promise<void> {
  const { processes, ...how } = senders
  const job = { spool: a.spool, to: 'bench-b', bodyBytes: BODY_BYTES, ...what, ...how }
  await crew('send', shares(what.messages, processes), messages => ({ ...job, messages }))
}

/** Processes that do one thing together, begun at the same moment. */
async function crew(script: 'send' | 'upload', parts: readonly number[], job: (part: number) => object): Promise<void> {
  const workers = parts.map(part => new Worker(script, job(part)))
  try {
    await Promise.all(workers.map(worker => worker.answer()))
    for (const worker of workers) worker.go()
    await Promise.all(workers.map(worker => worker.answer()))
  } finally {
    for (const worker of workers) worker.end()
  }
}

/** As many for each, as far as that goes. */
function shares(messages: number, processes: number): number[] {
  return Array.from(
    { length: processes },
    (_, n) => Math.floor(messages / processes) + (n < messages % processes ? 1 : 0)
  )
}

/** Messages a second, from the first that has arrived to the last. */
async function drained(b: UpNode, messages: number): Promise<number> {
  let first: { at: number; depth: number } | undefined
  for (;;) {
    const depth = await b.depth()
    const at = performance.now()
    if (depth > 0) first ??= { at, depth }
    if (first !== undefined && depth >= messages)
      return ((messages - first.depth + 1) / Math.max(1, at - first.at)) * 1_000
    await sleep(10)
  }
}

async function withQueue<T>(b: UpNode, use: (queue: Queue) => Promise<T>): Promise<T> {
  await using queue = await openQueue({ spool: b.spool })
  return await use(queue)
}

/** The median of some polls, each given back. */
async function pollMs(queue: Queue, channel: string): Promise<number> {
  const times: number[] = []
  for (let n = -WARM_UP; n < POLLS; n++) {
    const from = performance.now()
    const messages = await queue.poll({ channel, max: POLL, wait: 10_000 })
    if (n >= 0) times.push(performance.now() - from)
    await Promise.all(messages.map(message => message.release()))
  }
  return median(times)
}

/** From kill -9 of the server until one answers a poll over HTTP, which the angel has started. */
async function afterKill(b: UpNode): Promise<number> {
  const from = performance.now()
  process.kill(b.pidOf('server')!, 'SIGKILL')
  while ((await b.poll('big')) !== 200) await sleep(10)
  return performance.now() - from
}

const MEMORY = { unit: 'MiB more than idle', atMost: 60, aim: 20 }
const FIRST_POLL = { figure: 'firstPollMs', unit: 'ms to the first poll after kill -9', atMost: 1_500, aim: 500 }

const BACKLOG_TARGETS: readonly Target[] = [
  { figure: 'pollRatio', unit: '× a poll of 100 with 1,000 waiting', atMost: 3, aim: 1 },
  { figure: 'serverMiB', ...MEMORY, unit: 'MiB more than idle, server' },
  { figure: 'clientMiB', ...MEMORY, unit: 'MiB more than idle, client' },
  FIRST_POLL,
  { figure: 'duRatio', unit: '× the bodies on disk', atMost: 1.25, aim: 1.15 },
  { figure: 'drainPerSecond', unit: '/s', atLeast: 100_000, aim: 200_000 }
]

export const backlogScenarios: readonly Scenario[] = [
  {
    name: 'backlog-1000000-256B',
    title: '1,000,000 messages of 256 B wait for a node that comes back, and then in it',
    targets: BACKLOG_TARGETS,
    run: stage => backlog(stage, AT_ONCE)
  },
  {
    name: 'backlog-1000000-256B-single-frames',
    title: 'the same, each sent alone: 4 processes with one buffered send in flight write a frame a message',
    targets: BACKLOG_TARGETS,
    run: stage => backlog(stage, ONE_BY_ONE)
  },
  {
    name: 'backlog-1000000-256B-single-uploads',
    title: '1,000,000 messages of 256 B, each uploaded alone by 4 processes, over 128 streams',
    targets: [{ figure: 'serverMiB', ...MEMORY }, FIRST_POLL],
    run: uploads
  }
]
