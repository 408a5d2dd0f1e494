import { expect, test } from 'vitest'
import { LIMITS, type Limits } from '../../src/limits.ts'
import { CliWorld } from '../cli/run-cli.ts'
import { SimNodes } from './sim-nodes.ts'

const MINUTES_10 = 600_000

/** A node that has sent `count` messages of `bytes` bytes to each of some channels of another, for a while of simulated time. */
async function run(
  limits: Partial<Limits>,
  work: { channels: number; count: number; bytes: number; ms: number; down?: boolean; loseAnswers?: boolean }
) {
  const nodes = new SimNodes({ seed: 11, names: ['berlin', 'tokyo'], limits })
  if (work.down) nodes.down.add('tokyo')
  if (work.loseAnswers) nodes.wire = () => ({ loseAnswer: true })
  else nodes.wire = () => ({ answerDelayMs: 50 })
  await nodes.server('tokyo')
  const app = await nodes.queue('berlin')
  for (let c = 0; c < work.channels; c++)
    await nodes.until(
      app.sendMessages(
        Array.from({ length: work.count }, () => Buffer.alloc(work.bytes)),
        { to: 'tokyo', channel: `c${c}` }
      )
    )
  let flying = 0
  let flyingMax = 0
  const upload = nodes.transport.upload.bind(nodes.transport)
  nodes.transport.upload = (to, request, signal) => {
    flyingMax = Math.max(flyingMax, ++flying)
    return upload(to, request, signal).finally(() => flying--)
  }
  const client = await nodes.client('berlin')
  await nodes.until(nodes.clock.sleep(work.ms))
  const gaps = nodes.uploads.slice(1).map(({ at }, i) => at - nodes.uploads[i]!.at)
  return {
    status: client.status(),
    flyingMax,
    uploads: nodes.uploads,
    bytesMost: Math.max(...nodes.uploads.map(({ request }) => request.entries.length)),
    gapMost: Math.max(...gaps)
  }
}

test('G4: each of them has its default in the help', async () => {
  const world = new CliWorld()
  try {
    const help = (await world.run(['help', 'config'])).stdout.toString()
    const names = [
      ...(['scanMs', 'retryMsMin', 'retryMsMax', 'rangeBytesMax', 'lifeMessagesMax', 'uploadsPerPeerMax'] as const),
      ...(['connectMsMax', 'answerMsMax', 'stallMsMax'] as const)
    ]
    for (const name of names) expect(help).toMatch(new RegExp(`^ +${name} +${LIMITS[name].default} `, 'm'))
  } finally {
    await world.end()
  }
})

const small = { channels: 1, count: 1, bytes: 10 }

test('G4: scanMs is how often the outbox is swept', async () => {
  for (const scanMs of [1_000, 5_000]) {
    const { status } = await run({ scanMs }, { ...small, ms: 60_000 })
    expect(status.hints.scans).toBeGreaterThan(55_000 / scanMs)
    expect(status.hints.scans).toBeLessThanOrEqual(61_000 / scanMs + 1)
  }
})

test('G4: retryMsMax is how long a peer that is down is left alone at most', async () => {
  for (const retryMsMax of [5_000, 60_000]) {
    const { gapMost } = await run({ retryMsMax }, { ...small, ms: MINUTES_10, down: true })
    expect(gapMost).toBeGreaterThan(retryMsMax / 2)
    expect(gapMost).toBeLessThan(retryMsMax + 1_000)
  }
})

test('G4: rangeBytesMax is how much goes in one batch', async () => {
  for (const rangeBytesMax of [2_048, 16_384]) {
    const { bytesMost } = await run({ rangeBytesMax }, { channels: 1, count: 500, bytes: 100, ms: 60_000 })
    expect(bytesMost).toBeLessThanOrEqual(rangeBytesMax)
    expect(bytesMost).toBeGreaterThan(rangeBytesMax / 2)
  }
})

test('G4: uploadsPerPeerMax is how many uploads are under way at once', async () => {
  for (const uploadsPerPeerMax of [1, 6]) {
    const work = { channels: 12, count: 200, bytes: 100, ms: 60_000 }
    const { flyingMax } = await run({ uploadsPerPeerMax, rangeBytesMax: 1_024 }, work)
    expect(flyingMax).toBe(uploadsPerPeerMax)
  }
})

test('G4: answerMsMax is the time-out of an answer that does not come', async () => {
  for (const answerMsMax of [1_000, 30_000]) {
    const limits = { answerMsMax, retryMsMin: 10, retryMsMax: 1_000 }
    const { uploads } = await run(limits, { ...small, ms: 90_000, loseAnswers: true })
    const gap = uploads[1]!.at - uploads[0]!.at
    expect(gap).toBeGreaterThanOrEqual(answerMsMax)
    expect(gap).toBeLessThan(answerMsMax + 2_500)
  }
})
