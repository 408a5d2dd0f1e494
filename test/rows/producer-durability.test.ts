import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openQueue, type Receipt } from '../../src/index.ts'
import type { AppendFile, Files } from '../../src/system/files.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SOAK } from '../soak.ts'
import { RealNodes } from './real-nodes.ts'
import { SimNodes } from './sim-nodes.ts'

const CHILD = path.join(import.meta.dirname, 'child.mjs')

vi.setConfig({ testTimeout: SOAK ? 600_000 : 120_000 })

let nodes: RealNodes

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(() => nodes.end())

test('A2: every id that a process printed before it was killed with -9 is there with the same bytes', async () => {
  const kills = SOAK ? 200 : 20
  const told = new Map<string, string>()
  for (let done = 0; done < kills; done += 4) {
    const runs = Array.from({ length: 4 }, (_, i) =>
      nodes.child(['die', 'berlin', 1 + (((done + i) * 37) % 90), 1 + i * 9])
    )
    for (const { lines, signal } of await Promise.all(runs)) {
      expect(signal).toBe('SIGKILL')
      for (const line of lines) {
        const { id, body } = JSON.parse(line) as { id: string; body: string }
        told.set(id, body)
      }
    }
  }
  expect(told.size).toBeGreaterThanOrEqual(kills)
  const queue = await nodes.queue('berlin')
  const found = new Map<string, unknown>()
  while (found.size < told.size || [...told.keys()].some(id => !found.has(id))) {
    const messages = await queue.poll({ max: 10_000, wait: '10s' })
    if (messages.length === 0) break
    for (const message of messages) found.set(message.id, message.body)
  }
  for (const [id, body] of told) expect(found.get(id) === body, id).toBe(true)
})

test('A2: of 200 processes killed at random moments of a simulated machine no receipt was told too early', async () => {
  const sim = new SimNodes({ seed: 2, names: ['berlin'] })
  const told = new Map<string, string>()
  for (let kill = 0; kill < 200; kill++) {
    const queue = await sim.queue('berlin', `app ${kill}`)
    for (let i = 0; i < 20; i++) {
      const body = `${kill} ${i}`
      const tell = ({ id }: Receipt) => void told.set(id, body)
      queue.sendMessage(body).then(tell, () => undefined)
    }
    await sim.clock.advance(sim.world.random.between(0, 3))
    sim.machine('berlin').process(`app ${kill}`).kill()
  }
  expect(told.size).toBeGreaterThan(500)
  expect(told.size).toBeLessThan(4_000)
  const got = new Map((await sim.take(await sim.queue('berlin', 'reader'))).map(({ id, body }) => [id, body]))
  for (const [id, body] of told) expect(got.get(id)).toBe(body)
})

/** The real disk, with the calls that make something durable written down. */
function watched(calls: string[]): Files {
  const real = nodeSystem().files
  return new Proxy(real, {
    get(files, name: keyof Files) {
      if (name === 'syncFolder') {
        return (folder: string) => {
          calls.push('folder')
          return files.syncFolder(folder)
        }
      }
      if (name === 'create') {
        return async (file: string) => noted(await files.create(file), file, calls)
      }
      const call = files[name]
      return typeof call === 'function' ? call.bind(files) : call
    }
  })
}

function noted(file: AppendFile, name: string, calls: string[]): AppendFile {
  return new Proxy(file, {
    get(real, call: keyof AppendFile) {
      const act = real[call] as ((...args: unknown[]) => unknown) | undefined
      if (act === undefined) return undefined
      return (...args: unknown[]) => {
        if (name.endsWith('.seg') && call !== 'close') calls.push(call)
        return act.apply(real, args)
      }
    }
  })
}

test('A3: before a send resolves its file is synced and the folders of its name; `buffered` syncs nothing and says so', async () => {
  const calls: string[] = []
  const system = { ...nodeSystem(), files: watched(calls) }
  const queue = await openQueue({ spool: nodes.spool('berlin'), node: 'berlin', system })
  try {
    calls.length = 0
    expect((await queue.sendMessage('first')).durability).toBe('synced')
    // outbox, the peer, the channel, the priority: every name on the way to the file.
    expect(calls.filter(call => call === 'folder').length).toBeGreaterThanOrEqual(4)
    expect(calls).toContain('writeSynced')
    calls.length = 0
    await queue.sendMessage('second')
    expect(calls).toEqual(['writeSynced'])
    calls.length = 0
    expect((await queue.sendMessage('third', { durability: 'buffered' })).durability).toBe('buffered')
    expect(calls).toEqual(['write'])
  } finally {
    await queue.close()
  }
  const page = (name: string) => readFileSync(path.join(import.meta.dirname, '../..', name), 'utf8')
  expect(page('docs/api.md')).toContain("durability?: 'synced' | 'buffered'")
  expect(page('README.md')).toMatch(/Sends are synced; `durability: 'buffered'` does not wait for the disk/)
})

const straceWorks = spawnSync('strace', ['-f', '-o', '/dev/null', process.execPath, '-e', '0']).status === 0

test.skipIf(!straceWorks)(
  'A3: the system is asked for a synced write and for each folder between `begin` and `resolved`; with `buffered` for no sync of the file, nor of anything at the next send',
  () => {
    const traced = (durability: string) => {
      const file = path.join(nodes.folder, `trace-${durability}`)
      const calls = 'trace=fsync,fdatasync,openat,open,write,writev,pwrite64,pwritev'
      const args = [
        '-f',
        '-y',
        '-e',
        calls,
        '-o',
        file,
        process.execPath,
        CHILD,
        'trace',
        nodes.spool(durability),
        durability
      ]
      execFileSync('strace', args)
      const text = readFileSync(file, 'utf8')
      const between = (from: string, to: string) => text.slice(text.indexOf(from), text.indexOf(to)).split('\n')
      return { first: between('"begin', '"resolved'), second: between('"resolved', '"once more') }
    }
    const isSync = (line: string) => /(fsync|fdatasync)\(/.test(line)
    const { first: synced, second } = traced('synced')
    expect(second.some(line => /pwritev?(64)?\(.*\.seg>/.test(line) || isSync(line))).toBe(true)
    const opened = synced.findIndex(line => /openat\(.*outbox\/.*\.seg".*O_CREAT/.test(line))
    expect(opened).toBeGreaterThan(-1)
    const writtenSynced =
      synced.some(line => /pwritev?(64)?\(.*\.seg>/.test(line)) && /O_DSYNC|O_SYNC/.test(synced[opened]!)
    const fileSynced = synced.some(line => /(fsync|fdatasync)\(.*\.seg>/.test(line))
    expect(writtenSynced || fileSynced).toBe(true)
    const folders = synced.slice(opened).filter(line => /fsync\(\d+<[^>]*\/outbox\/[^>]*[^g]>/.test(line))
    expect(folders.length, 'the folder of the name is synced after the name was made').toBeGreaterThan(0)
    const buffered = traced('buffered')
    // New folders are synced once, whoever sends: the files of others will lie in them.
    const [opening] = buffered.first.filter(line => /openat\(.*\.seg", O_WRONLY\|(?!.*O_CREAT)/.test(line))
    expect(opening).not.toMatch(/O_D?SYNC/)
    expect(buffered.first.filter(line => isSync(line) && /\.seg>/.test(line))).toEqual([])
    expect(buffered.second.filter(isSync)).toEqual([])
  }
)

test('A11: a batch whose write fails, after however many of its 100 messages, leaves none; without a fault 100 in order', async () => {
  const bodies = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(i)}`)
  // All of the frame but its last bytes is about 8,400.
  for (const partialBytes of [0, 57, 1_000, 4_800, 8_000]) {
    const sim = new SimNodes({ seed: 11, names: ['berlin'] })
    const queue = await sim.queue('berlin')
    await sim.until(queue.sendMessage('before'))
    const { disk } = sim.machine('berlin')
    const rule = disk.failNext({
      call: 'writeSynced',
      code: 'EIO',
      partialBytes,
      path: name => name.includes('/outbox/')
    })
    await expect(sim.until(queue.sendMessages(bodies))).rejects.toMatchObject({ code: 'DISK_ERROR' })
    expect(rule.hits).toBe(1)
    expect((await sim.take(await sim.queue('berlin', 'reader'))).map(message => message.body)).toEqual(['before'])
    const receipts = await sim.until(queue.sendMessages(bodies))
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(100)
    expect((await sim.take(await sim.queue('berlin', 'reader'))).map(message => message.body)).toEqual(bodies)
  }
})
