import { expect, test } from 'vitest'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const WEEK_MS = 604_800_000

function pair(seed: number) {
  return new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: { retentionMs: 0, scanMs: 2_000 } })
}

/** One message from a process of its own: a stream of its own. */
async function sendOne(nodes: SimNodes, body: string, to = 'tokyo'): Promise<void> {
  const queue = await nodes.queue('berlin', `app ${body}`)
  await nodes.until(queue.sendMessage(body, { to }))
  await nodes.until(queue.close())
}

const files = async (nodes: SimNodes) =>
  await nodes.until(nodes.machine('berlin').process('looker').files.list(`${SPOOL}/outbox/tokyo/common/4`))

test('a stream is forgotten 7 days after its sender has said that it has removed it, and not before', async () => {
  const nodes = pair(1)
  let tokyo = await nodes.server('tokyo')
  let client = await nodes.client('berlin')
  await sendOne(nodes, 'one')
  await nodes.clock.advance(5_000)
  const { stream } = nodes.uploads[0]!.request
  const old = nodes.uploads[0]!.request
  const app = await nodes.queue('tokyo')
  expect((await nodes.take(app)).map(({ body }) => body)).toEqual(['one'])
  await nodes.clock.advance(130_000)
  expect(await files(nodes)).toEqual([])
  expect(tokyo.inbox.stream(stream)?.removedAt).toBeUndefined()
  // Its sender dies before it can say so, and says so again after its restart, until it hears that it was written down.
  nodes.machine('berlin').process('client').kill()
  nodes.wire = (_peer, { removed }) => (removed === undefined ? undefined : { loseAnswer: true })
  client = await nodes.client('berlin')
  await sendOne(nodes, 'two')
  await nodes.clock.advance(5_000)
  const at = tokyo.inbox.stream(stream)?.removedAt
  expect(at).toBeTypeOf('number')
  nodes.wire = () => undefined
  await nodes.clock.advance(30_000)
  expect(nodes.uploads.filter(({ request }) => request.removed?.includes(stream)).length).toBeGreaterThan(1)
  await nodes.take(app)
  const before = nodes.uploads.length
  await sendOne(nodes, 'three')
  await nodes.clock.advance(130_000)
  expect(nodes.uploads.slice(before).some(({ request }) => request.removed?.includes(stream))).toBe(false)
  expect((await nodes.take(app)).map(({ body }) => body)).toEqual(['three'])

  // The receiver dies too. Whatever is still on its way finds the stream as it was.
  const late = async () =>
    (await nodes.until(nodes.transport.upload({ name: 'tokyo', url: 'http://x' }, old, new AbortController().signal)))
      .next
  nodes.machine('tokyo').powerCut()
  tokyo = await nodes.server('tokyo')
  expect(tokyo.inbox.stream(stream)?.removedAt).toBe(at)
  nodes.machine('tokyo').clockOffsetMs += WEEK_MS - 600_000
  await nodes.clock.advance(130_000)
  expect(await late()).toBe(1)
  const again = await nodes.queue('tokyo')
  expect(await nodes.take(again)).toEqual([])
  nodes.machine('tokyo').clockOffsetMs += 600_000
  await nodes.clock.advance(130_000)
  expect(tokyo.inbox.stream(stream)).toBeUndefined()
  nodes.machine('tokyo').process('server').kill()
  tokyo = await nodes.server('tokyo')
  await nodes.clock.advance(130_000)
  expect(tokyo.inbox.stream(stream)).toBeUndefined()
  expect(await nodes.take(again)).toEqual([])
  await nodes.until(client.close({ withinMs: 1_000 }))
})

test('a stream of another node is not marked as removed, and the upload is taken', async () => {
  const nodes = pair(2)
  const tokyo = await nodes.server('tokyo')
  await nodes.client('berlin')
  await sendOne(nodes, 'one')
  await nodes.clock.advance(5_000)
  const { request } = nodes.uploads[0]!
  const other = { ...request, node: 'oslo', origin: 'ff'.repeat(16), stream: 'ee'.repeat(16), nonce: 'n'.repeat(16) }
  const said = { ...other, removed: [request.stream, 'dd'.repeat(16)] }
  const answer = await nodes.until(
    nodes.transport.upload({ name: 'tokyo', url: 'http://x' }, said, new AbortController().signal)
  )
  expect(answer).toMatchObject({ next: 1, removed: expect.arrayContaining([request.stream]) })
  expect(tokyo.inbox.stream(request.stream)?.removedAt).toBeUndefined()
})

test('what a node sends to itself is forgotten too, 7 days after its file went', async () => {
  const nodes = pair(3)
  let owner = await nodes.server('berlin')
  await sendOne(nodes, 'mine', 'berlin')
  const app = await nodes.queue('berlin')
  expect(await nodes.take(app)).toHaveLength(1)
  const [stream] = [...owner.inbox.streams()]
  await nodes.clock.advance(200_000)
  expect(owner.inbox.stream(stream!.id)?.removedAt).toBeTypeOf('number')
  nodes.machine('berlin').process('server').kill()
  owner = await nodes.server('berlin')
  nodes.machine('berlin').clockOffsetMs += WEEK_MS
  await nodes.clock.advance(130_000)
  expect(owner.inbox.stream(stream!.id)).toBeUndefined()
})
