import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCallQueue } from '../../src/cli/open-queue.ts'
import { runPeerKick, runPeerLs, runPeerPause, runPeerResume } from '../../src/cli/run-peer.ts'
import { runExplain } from '../../src/cli/run-show.ts'
import { startNode } from '../../src/index.ts'
import { CliDesk, values } from './in-process.ts'
import { until } from './run-cli.ts'

let desk: CliDesk

beforeEach(() => {
  desk = new CliDesk()
})
afterEach(() => desk.end())

/** A peer that answers nothing good, and counts what it is asked. */
async function badPeer() {
  const asked = { count: 0 }
  const server = createServer((request, answer) => {
    asked.count++
    request.resume()
    answer.writeHead(500).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise(resolve => server.close(resolve).closeAllConnections())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

const json = { json: true }

test('C13: peer ls shows state, last error and next try of each peer, kick tries now, pause stops it until resume', async () => {
  const peer = await badPeer()
  const config = path.join(desk.folder, 'dropr.json')
  const limits = { retryMsMin: 60_000, retryMsMax: 3_600_000, scanMs: 100 }
  const given = { peers: { tokyo: peer.url }, limits }
  writeFileSync(config, JSON.stringify(given))
  const options = { json: true, config }
  const node = await startNode({ spool: desk.spool, config: given, roles: ['client'] })
  try {
    await node.queue.sendMessage('hello', { to: 'tokyo', channel: 'c', id: 'm1' })
    await until(() => node.status().client!.progress.pending > 0 && node.status().client!.peers[0]!.failures > 0)
    const ls = desk.call(options)
    expect(await runPeerLs(ls)).toBe(0)
    const [row] = values(ls.printed())
    expect(row).toMatchObject({ name: 'tokyo', url: peer.url, state: 'backing-off', failures: 1 })
    expect(row.lastError.code).toMatch(/^PEER_/)
    expect(row.nextTryAt - Date.now()).toBeGreaterThan(10_000)

    const before = peer.asked.count
    const kick = desk.call(options, 'tokyo')
    expect(await runPeerKick(kick)).toBe(0)
    expect(values(kick.printed())).toEqual([{ peer: 'tokyo', running: true, kicked: true }])
    await until(() => peer.asked.count > before)

    await runPeerPause(desk.call(options, 'tokyo'))
    const paused = desk.call({ config })
    await runPeerLs(paused)
    expect(paused.printed()).toMatch(/^PEER .*\ntokyo +paused +- +1 +\d+ m?s ago +- +PEER_/)
    const kicked = desk.call(options, 'tokyo')
    await runPeerKick(kicked)
    expect(values(kicked.printed())).toEqual([{ peer: 'tokyo', running: true, kicked: false }])
    const why = desk.call({ config }, 'm1')
    await runExplain(why)
    expect(why.printed()).toMatch(/tokyo is paused since .* ago: `dropr peer resume tokyo` sends it/)
    const resume = desk.call({ ...options, all: true })
    await runPeerResume(resume)
    expect(values(resume.printed())).toEqual([{ peer: 'tokyo', paused: false, was: true, running: true }])
  } finally {
    await node.close({ within: 100 })
    await peer.close()
  }
})

test('without a client, peer ls tells from the files what waits, and kick ends with 3; an unknown peer is refused', async () => {
  const config = path.join(desk.folder, 'dropr.json')
  writeFileSync(config, JSON.stringify({ peers: { tokyo: 'http://127.0.0.1:9', paris: 'http://127.0.0.1:9' } }))
  const queue = await openCallQueue(desk.call({ config }))
  await queue.sendMessages(['a', 'b'], { to: 'tokyo' })
  await queue.close()
  await runPeerPause(desk.call({ config }, 'paris'))
  const ls = desk.call({ ...json, config })
  expect(await runPeerLs(ls)).toBe(0)
  expect(values(ls.printed())).toMatchObject([
    { name: 'paris', state: 'paused', pending: 0, pausedAt: expect.any(Number) },
    { name: 'tokyo', state: 'stopped', pending: 2, oldestAt: expect.any(Number) }
  ])
  const kick = desk.call({ config }, 'tokyo')
  expect(await runPeerKick(kick)).toBe(3)
  expect(kick.noted()).toContain('nobody sends')
  await expect(runPeerPause(desk.call({ config }, 'nowhere'))).rejects.toMatchObject({ code: 'PEER_UNKNOWN' })
  await expect(runPeerPause(desk.call({ config }))).rejects.toThrow('--all')
  await expect(runPeerPause(desk.call({ config, all: true }, 'tokyo'))).rejects.toThrow('--all')
})
