import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Node, type NodeOptions, startNode } from '../../src/index.ts'
import { METRICS, type MetricRow } from '../../src/system/metric-table.ts'
import { pinoTo } from '../../src/system/pino-log.ts'
import { POINTS } from '../../src/system/points.ts'
import { type Family, parsePrometheus } from './prometheus.ts'

let folder = ''
const open: Node[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr-monitoring-'))
})

afterEach(async () => {
  for (const node of open.splice(0)) await node.close({ within: '1s' })
  await rm(folder, { recursive: true })
})

async function nodeAt(name: string, options: NodeOptions = {}): Promise<Node> {
  const config = { listen: 0, ...options.config, limits: { scanMs: 50, ...options.config?.limits } }
  const node = await startNode({ spool: join(folder, name), node: name, ...options, config } as NodeOptions)
  open.push(node)
  return node
}

async function pair(options: { log?: NodeOptions['log']; limits?: Record<string, number> } = {}) {
  const log = options.log === undefined ? {} : { log: options.log }
  const tokyo = await nodeAt('tokyo', log)
  const peers = { tokyo: `http://${tokyo.listen}` }
  const berlin = await nodeAt('berlin', { ...log, config: { peers, limits: options.limits ?? {} } })
  return { tokyo, berlin }
}

async function metricsOf(node: Node): Promise<Map<string, Family>> {
  const { statusCode, headers, body } = await request(`http://${node.listen}/metrics`)
  expect([statusCode, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return parsePrometheus(await body.text())
}

/** The sum over all series that have these labels. */
function sumOf(metrics: Map<string, Family>, name: string, labels: Record<string, string> = {}): number {
  const fits = (of: Record<string, string>) => Object.entries(labels).every(([key, value]) => of[key] === value)
  return metrics
    .get(name)!
    .samples.filter(sample => fits(sample.labels))
    .reduce((sum, { value }) => sum + value, 0)
}

test('F15: /metrics parses, shows both daemons, and its counters move as messages do', async () => {
  const { tokyo, berlin } = await pair()
  for (let i = 0; i < 30; i++) await berlin.queue.sendMessage(i, { to: 'tokyo', channel: 'orders' })
  await berlin.queue.sendMessage('twice', { to: 'tokyo', channel: 'orders', id: 'mine' })
  await berlin.queue.sendMessage('twice', { to: 'tokyo', channel: 'orders', id: 'mine' })
  await expect
    .poll(async () => sumOf(await metricsOf(tokyo), 'dropr_received_total', { node: 'berlin' }), { timeout: 20_000 })
    .toBe(32)
  for (const message of await tokyo.queue.poll({ channel: 'orders', max: 20, wait: '10s' })) await message.ack()
  const [rejected, retried] = await tokyo.queue.poll({ channel: 'orders', max: 2, wait: '10s' })
  await rejected!.reject('no use')
  await retried!.retry({ after: '1h' })

  const there = await metricsOf(tokyo)
  const inbox = { channel: 'orders' }
  expect(sumOf(there, 'dropr_done_total', inbox)).toBe(20)
  expect(sumOf(there, 'dropr_dead_total', inbox)).toBe(1)
  expect(sumOf(there, 'dropr_attempts_failed_total', inbox)).toBe(1)
  expect(sumOf(there, 'dropr_inbox_depth', { ...inbox, state: 'pending' })).toBe(9)
  expect(sumOf(there, 'dropr_inbox_depth', { ...inbox, state: 'delayed' })).toBe(1)
  expect(sumOf(there, 'dropr_duplicates_total', { kind: 'id' })).toBe(1)
  expect(sumOf(there, 'dropr_free_bytes')).toBeGreaterThan(1_000_000)

  await expect
    .poll(async () => sumOf(await metricsOf(berlin), 'dropr_delivered_total', { peer: 'tokyo' }), { timeout: 20_000 })
    .toBe(32)
  const here = await metricsOf(berlin)
  expect(sumOf(here, 'dropr_sent_total', { peer: 'tokyo' })).toBe(32)
  expect(sumOf(here, 'dropr_uploads_total', { peer: 'tokyo', result: 'ok' })).toBeGreaterThan(0)
  expect(sumOf(here, 'dropr_client_up')).toBe(1)
  expect(sumOf(here, 'dropr_healthy')).toBe(1)
  const commits = here.get('dropr_sync_seconds')!.samples.filter(({ name }) => name === 'dropr_sync_seconds_count')
  expect(new Set(commits.map(({ labels }) => labels.role))).toContain('client')
  for (const role of ['client', 'server'])
    expect(sumOf(here, 'process_resident_memory_bytes', { role })).toBeGreaterThan(1_000_000)
})

test('/metrics and /health tell of messages for later: held, due, overdue, how late they went, and what stands in their way', async () => {
  const berlin = await nodeAt('berlin', { config: { limits: { progressMsMax: 1_000, retryMsMin: 50 } } })
  await berlin.queue.sendMessage('far', { delay: '30d', channel: 'c' })
  for (let i = 0; i < 3; i++) await berlin.queue.sendMessage('now', { delay: 0, channel: 'c' })
  await berlin.queue.sendMessage('past', { deliverAt: '2014-08-01', channel: 'c' })
  const shard = { shard: '0' }
  const shown = async (name: string) => sumOf(await metricsOf(berlin), name, shard)
  await expect.poll(() => shown('dropr_schedule_fired_total'), { timeout: 20_000 }).toBe(4)
  const told = ['held', 'near', 'due', 'overdue_seconds', 'late_total', 'failures_total']
  const all = async () => {
    const now = await metricsOf(berlin)
    return told.map(name => sumOf(now, `dropr_schedule_${name}`, shard))
  }
  // That they went is marked a moment after they went.
  await expect.poll(all, { timeout: 20_000 }).toEqual([1, 0, 0, 0, 1, 0])
  const metrics = await metricsOf(berlin)
  expect(sumOf(metrics, 'dropr_schedulers_up')).toBe(1)
  const counts = metrics.get('dropr_schedule_lateness_seconds')!.samples
  const countOf = (le: string) => counts.find(({ labels }) => labels.le === le)!.value
  expect([countOf('10'), countOf('86400'), countOf('+Inf')]).toEqual([3, 3, 4])
  expect(sumOf(metrics, 'process_resident_memory_bytes', { role: 'scheduler' })).toBeGreaterThan(1_000_000)

  await writeFile(join(folder, 'berlin/outbox/berlin/stuck'), 'in the way')
  await berlin.queue.sendMessage('x', { delay: 0, channel: 'stuck' })
  const health = async () => {
    const { statusCode, body } = await request(`http://${berlin.listen}/health`)
    return `${statusCode} ${((await body.json()) as { reasons: string[] }).reasons.join('; ')}`
  }
  await expect.poll(health, { timeout: 20_000 }).toMatch(/^503 scheduler: shard 0 has handed over nothing.*fails since/)
  // In the moment in which it is tried again it is in hand.
  await expect.poll(() => shown('dropr_schedule_overdue_seconds'), { timeout: 20_000 }).toBeGreaterThan(0.5)
  expect(await shown('dropr_schedule_failures_total')).toBeGreaterThan(0)
})

test('/metrics has every metric of docs/metrics.md with its kind and help, and no other', async () => {
  const { berlin } = await pair()
  const shown = await metricsOf(berlin)
  const rows = Object.entries<MetricRow>(METRICS).map(([name, { kind, help }]) => `${name} ${kind} ${help}`)
  expect([...shown].map(([name, { kind, help }]) => `${name} ${kind} ${help}`).sort()).toEqual(rows.sort())
})

test('uploads that fail are counted as retried messages, and what waits as depth', async () => {
  const berlin = await nodeAt('berlin', { config: { peers: { tokyo: 'http://127.0.0.1:9' } } })
  await berlin.queue.sendMessages(['a', 'b', 'c'], { to: 'tokyo', channel: 'orders' })
  const peer = { peer: 'tokyo' }
  await expect
    .poll(async () => sumOf(await metricsOf(berlin), 'dropr_retried_total', peer), { timeout: 20_000 })
    .toBeGreaterThanOrEqual(3)
  await expect
    .poll(async () => sumOf(await metricsOf(berlin), 'dropr_outbox_depth', { ...peer, channel: 'orders' }), {
      timeout: 20_000
    })
    .toBe(3)
  const metrics = await metricsOf(berlin)
  expect(sumOf(metrics, 'dropr_uploads_total', { ...peer, result: 'failed' })).toBeGreaterThan(0)
  expect(sumOf(metrics, 'dropr_peer_failures', peer)).toBeGreaterThan(0)
})

test('/health says ok while work gets done, and with 503 that it does not once it has waited progressMsMax', async () => {
  const { berlin } = await pair()
  await berlin.queue.sendMessage('x', { to: 'tokyo' })
  const healthOf = async (node: Node) => {
    const { statusCode, body } = await request(`http://${node.listen}/health`)
    return { status: statusCode, ...((await body.json()) as { ok: boolean; reasons: string[] }) }
  }
  expect(await healthOf(berlin)).toMatchObject({ status: 200, ok: true, reasons: [] })
  const oslo = await nodeAt('oslo', {
    config: { peers: { tokyo: 'http://127.0.0.1:9' }, limits: { progressMsMax: 1_000 } }
  })
  await oslo.queue.sendMessage('x', { to: 'tokyo' })
  await expect.poll(async () => (await healthOf(oslo)).status, { timeout: 20_000 }).toBe(503)
  const { ok, reasons } = await healthOf(oslo)
  expect(ok).toBe(false)
  expect(reasons).toEqual([expect.stringMatching(/^client: 1 messages wait, and no peer has stored any since 2/)])
})

test('G7: with debug lines a message is followed by its id from send to ack across two nodes, and no body is logged', async () => {
  const lines: Record<string, never>[] = []
  const log = pinoTo({ write: line => void lines.push(JSON.parse(line)) }, 'debug')
  const { tokyo, berlin } = await pair({ log })
  await berlin.queue.sendMessages(['b0dy-1', 'b0dy-2'], { to: 'tokyo' })
  const { id } = await berlin.queue.sendMessage('b0dy-3', { to: 'tokyo' })
  for (let taken = 0; taken < 3; taken++) await (await tokyo.queue.poll({ wait: '20s' }))!.ack()
  // biome-ignore lint/suspicious/noExplicitAny: lines of JSON
  const said = (msg: string) => lines.filter(line => line.msg === msg) as any[]
  await expect.poll(() => said('uploaded').some(line => line.ids.includes(id))).toBe(true)

  expect(said('sent').filter(line => line.id === id)).toMatchObject([{ peer: 'tokyo', channel: 'common' }])
  const uploaded = said('uploaded').find(line => line.ids.includes(id))
  const { stream } = uploaded
  const position = uploaded.from + uploaded.ids.indexOf(id)
  const received = said('received').find(line => line.stream === stream && line.ids[position - line.from] === id)
  expect(received).toMatchObject({ peer: 'berlin' })
  // biome-ignore lint/suspicious/noExplicitAny: lines of JSON
  const covers = (run: any) => run.stream === stream && run.from <= position && run.to > position
  const claimed = said('claimed').find(line => line.runs.some(covers))
  expect(said('settled').find(line => line.runs.some(covers))).toMatchObject({
    lease: claimed.lease,
    verdict: 'ack',
    result: 'ok'
  })
  expect(JSON.stringify(lines)).not.toContain('b0dy')
})

test('every point of diagnostics_channel is published while somebody listens, and none is on when nobody does', async () => {
  // A process of a simulated world that was killed, in a test before this one, never let go of its points.
  const on = () => Object.values(POINTS).filter(point => point.on)
  const before = on()
  const heard = new Map<string, object>()
  const listeners = Object.keys(POINTS).map(name => {
    const listener = (message: unknown) => void heard.set(name, message as object)
    subscribe(`dropr:${name}`, listener)
    return () => unsubscribe(`dropr:${name}`, listener)
  })
  const { tokyo, berlin } = await pair()
  const { id } = await berlin.queue.sendMessage('x', { to: 'tokyo', channel: 'c' })
  await (await tokyo.queue.poll({ channel: 'c', wait: '20s' }))!.ack()
  await expect.poll(() => [...heard.keys()].sort(), { timeout: 20_000 }).toEqual(Object.keys(POINTS).sort())
  expect(heard.get('send')).toEqual({ id, peer: 'tokyo', channel: 'c', priority: 4 })
  const later = await berlin.queue.sendMessage('x', { to: 'tokyo', channel: 'c', deliverAt: '2099-01-01T00:00Z' })
  const dueAt = Date.UTC(2099, 0, 1)
  expect(heard.get('send')).toEqual({ id: later.id, peer: 'tokyo', channel: 'c', priority: 4, dueAt })
  expect(heard.get('upload')).toMatchObject({ peer: 'tokyo', channel: 'c', from: 0, next: 1 })
  expect(heard.get('receive')).toMatchObject({ peer: 'berlin', channel: 'c', from: 0, next: 1 })
  expect(heard.get('settle')).toMatchObject({ verdict: 'ack', result: 'ok' })
  for (const end of listeners) end()
  for (const node of open.splice(0)) await node.close()
  expect(on()).toEqual(before)
})

test('traceparent comes out at the consumer of another node as it was sent', async () => {
  const { tokyo, berlin } = await pair()
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await berlin.queue.sendMessage('x', { to: 'tokyo', headers: { traceparent } })
  expect((await tokyo.queue.poll({ wait: '20s' }))!.headers).toEqual({ traceparent })
})
