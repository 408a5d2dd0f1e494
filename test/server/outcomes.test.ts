import { expect, test } from 'vitest'
import type { MessageOutcome } from '../../src/server/outcomes.ts'
import { InboxBed, rangeOf, streamId, verdict } from './inbox-bed.ts'

const WANTED = [{ id: 'r0', receipt: true as const }, { id: 'r1', receipt: true as const }, { id: 'plain' }]

/** An inbox whose outcomes are written down here; `down` as long as they cannot be sent. */
function bedThatTells(seed: string) {
  const bed = new InboxBed(seed, { retentionMs: 0 })
  const told: (MessageOutcome & { node: string })[] = []
  const desk = { bed, told, down: false }
  bed.tell = (node, outcomes) => {
    if (desk.down) return Promise.reject(new Error('the disk is full'))
    told.push(...outcomes.map(outcome => ({ ...outcome, node })))
    return Promise.resolve()
  }
  return desk
}

async function settle(bed: InboxBed, kind: 'ack' | 'reject', more: object): Promise<void> {
  const port = bed.inbox.port({ own: false })
  const claim = await bed.until(port.claim(bed.ask(1)))
  await bed.until(port.settle(verdict(claim, kind, more)))
}

test('a sender that asked is told once what became of its message, others are not told', async () => {
  const { bed, told } = bedThatTells('once')
  await bed.open()
  await bed.until(bed.inbox.appendRange(rangeOf('a', 0, WANTED)))
  await settle(bed, 'ack', { result: 7 })
  await settle(bed, 'reject', { reason: 'never' })
  await settle(bed, 'ack', {})
  await bed.world.clock.advance(100)
  const place = { node: 'sender', channel: 'c', stream: streamId('a'), at: expect.any(Number) }
  const expected = [
    { ...place, position: 0, id: 'r0', how: 'done', result: 7 },
    { ...place, position: 1, id: 'r1', how: 'dead', reason: 'never' }
  ]
  expect(told).toEqual(expected)
  for (const options of [{}, { inOrder: true }, { powerCut: true }]) {
    await bed.restart(options)
    await bed.world.clock.advance(100)
    expect(told).toEqual(expected)
  }
})

test('what could not be told is told by the next owner, with result and reason, whether the one before closed in order or died', async () => {
  for (const options of [{}, { inOrder: true }, { powerCut: true }]) {
    const desk = bedThatTells(`later ${JSON.stringify(options)}`)
    const { bed, told } = desk
    await bed.open()
    await bed.until(bed.inbox.appendRange(rangeOf('a', 0, WANTED)))
    desk.down = true
    await settle(bed, 'ack', { result: 7 })
    await settle(bed, 'reject', { reason: 'never' })
    await bed.world.clock.advance(20_000)
    // Twice, so that what the first seal says is not the last word.
    for (let i = 0; i < 2; i++) await bed.restart(options)
    await settle(bed, 'ack', {})
    await bed.world.clock.advance(20_000)
    // It is past its retention, and stays for those who are to be told.
    await bed.restart(options)
    await bed.until(bed.inbox.clean())
    expect(told).toEqual([])
    desk.down = false
    await bed.restart(options)
    await bed.world.clock.advance(20_000)
    const said = told.map(({ id, how, result, reason }) => [id, how, result, reason])
    expect(said).toEqual([
      ['r0', 'done', 7, undefined],
      ['r1', 'dead', undefined, 'never']
    ])
    await bed.restart({ inOrder: true })
    expect(await bed.until(bed.inbox.clean())).toBeGreaterThan(0)
    await bed.restart()
    await bed.world.clock.advance(20_000)
    expect(told).toHaveLength(2)
    await bed.until(bed.inbox.close())
  }
})

test('a message that expired before anybody had it is told as expired, one whose lease ended too often with that reason', async () => {
  const { bed, told } = bedThatTells('ends')
  Object.assign(bed.limits, { attemptsMax: 1 })
  await bed.open()
  const now = bed.process.clock.now()
  const drafts = [
    { id: 'old', receipt: true as const, expiresAt: now + 5_000 },
    { id: 'kills', receipt: true as const }
  ]
  await bed.until(bed.inbox.appendRange(rangeOf('a', 0, drafts)))
  await bed.world.clock.advance(6_000)
  const port = bed.inbox.port({ own: false })
  for (let i = 0; i < 2; i++) {
    await bed.until(port.claim(bed.ask(1, { leaseMs: 1_000 })))
    await bed.world.clock.advance(2_000)
  }
  expect(told.map(({ id, how, reason }) => [id, how, reason])).toEqual([
    ['old', 'expired', undefined],
    ['kills', 'dead', expect.stringMatching(/\w/)]
  ])
})

test('what arrives in a channel of ours waits for nobody: no depth, nothing to claim, gone with its segment after receiptMs', async () => {
  const bed = new InboxBed('kept', { receiptMs: 60_000, segmentBytesMax: 65_536 })
  await bed.open()
  const channel = '$dropr.outcome'
  const bodies = Array.from({ length: 40 }, (_, i) => ({ id: `o${i}`, body: 'x'.repeat(4_000) }))
  for (const [i, draft] of bodies.entries())
    await bed.until(bed.inbox.appendRange(rangeOf('k', i, [draft], { channel })))
  expect(bed.inbox.depths()).toEqual([])
  expect(bed.inbox.depthOf(channel)).toBe(0)
  for (const options of [{ inOrder: true }, {}]) {
    await bed.restart(options)
    expect(bed.inbox.depthOf(channel)).toBe(0)
    // It is known, and not taken twice.
    expect(await bed.until(bed.inbox.appendRange(rangeOf('k', 0, bodies.slice(0, 1), { channel })))).toBe(40)
    await bed.until(bed.inbox.appendRange(rangeOf(`again ${options.inOrder}`, 0, bodies.slice(0, 1), { channel })))
  }
  const folder = '/spool/inbox/%24dropr.outcome'
  const files = async () => (await bed.until(bed.node.disk.list(folder))).length
  const before = await files()
  await bed.until(bed.inbox.clean())
  expect(await files()).toBe(before)
  await bed.world.clock.advance(61_000)
  await bed.until(bed.inbox.clean())
  expect(await files()).toBeLessThan(3)
})
