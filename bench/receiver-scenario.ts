import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { encodeMessage, messageBytesMost } from '../src/journal/entry.ts'
import { Ids } from '../src/journal/ids.ts'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { systemClock } from '../src/system/clock.ts'
import { systemRandom } from '../src/system/random.ts'
import { HttpTransport } from '../src/wire/http-transport.ts'
import type { UploadRequest } from '../src/wire/upload.ts'
import { perSecond, type Result, repeated, type Scenario, type Stage } from './scenario.ts'
import { freePort, UpNode } from './up.ts'

const BODY_BYTES = 1_024
const RANGE_MESSAGES = 900
const IN_FLIGHT = 4

/** `count` entries as a client daemon would send them. */
export function entries(count: number, bodyBytes = BODY_BYTES): Buffer {
  const draft = { sentAt: Date.now(), kind: 'text', body: 'x'.repeat(bodyBytes) } as const
  const ids = new Ids(systemClock, systemRandom)
  const bytes = Buffer.alloc(count * messageBytesMost(draft))
  let end = 0
  for (let n = 0; n < count; n++) {
    ids.next()
    end = encodeMessage(draft, ids, bytes, end)
  }
  return bytes.subarray(0, end)
}

/** The receiving server alone: this process uploads ranges over HTTP, each answered when it is synced. */
async function receiving(stage: Stage): Promise<Result> {
  const messages = stage.messages(100_000)
  const rangeMessages = Math.min(RANGE_MESSAGES, messages)
  const range = entries(rangeMessages)
  const port = await freePort()
  const spool = path.join(stage.folder, 'receiver')
  const node = await UpNode.start({ name: 'bench-b', spool, port, roles: ['server'] })
  const transport = new HttpTransport({ clock: systemClock, limits: DEFAULT_LIMITS })
  const peer = { name: 'bench-b', url: `http://127.0.0.1:${port}` }
  const origin = randomBytes(16).toString('hex')
  const uploadAll = async () => {
    const stream = randomBytes(16).toString('hex')
    const ranges = Math.ceil(messages / rangeMessages)
    let next = 0
    const uploader = async () => {
      while (next < ranges) {
        const from = next++ * rangeMessages
        await transport.upload(peer, request({ origin, stream, from, range }), new AbortController().signal)
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, uploader))
    return ranges * rangeMessages
  }
  try {
    return { figures: { perSecond: await repeated(stage.rounds, () => perSecond(uploadAll)) } }
  } finally {
    await transport.close()
    await node.stop()
  }
}

export function request(given: {
  origin: string
  stream: string
  from: number
  range: Buffer
  channel?: string
}): UploadRequest {
  return {
    origin: given.origin,
    node: 'bench-a',
    stream: given.stream,
    channel: given.channel ?? 'bench',
    priority: 4,
    from: given.from,
    nonce: randomBytes(16).toString('hex'),
    settled: given.from,
    entries: given.range,
    whole: true
  }
}

export const receiverScenario: Scenario = {
  name: 'q3-receive-1KiB',
  title: 'Q3: receiver alone, 1 KiB, over HTTP and synced (the old figure was without a sync)',
  targets: [{ figure: 'perSecond', unit: '/s', atLeast: 36_720 }],
  run: receiving
}
