import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readStatus } from '../../src/cli/run-status.ts'
import { openQueue } from '../../src/index.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { CliWorld, until } from './run-cli.ts'

/** Of 500, which test/rows/schedule-rows.test.ts has; each costs the start of a process. */
const KILLS = 20

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

test('P8 H15: a scheduler that is killed with -9 again and again while messages are due loses, doubles and hurries none', async () => {
  const limits = ['restartMsMin=10', 'restartMsMax=100', 'scanMs=100'].flatMap(limit => ['--limit', limit])
  // All is for this node itself: no client.
  await world.up('--roles', 'server,scheduler', ...limits)
  const system = nodeSystem()
  const schedulerOf = async () => (await readStatus(system, world.spool)).roles?.find(one => one.role === 'scheduler')
  const queue = await openQueue({ spool: world.spool })
  const due = new Map<string, number>()
  const came = new Map<string, number>()
  const early: string[] = []
  const consumer = queue.consume('later', ({ id, sentAt }) => {
    came.set(id, (came.get(id) ?? 0) + 1)
    if (sentAt < due.get(id)! || Date.now() < due.get(id)!) early.push(id)
  })
  let sending = true
  const sender = (async () => {
    while (sending) {
      for (let i = 0; i < 5; i++) {
        const id = `m${due.size}`
        const at = Date.now() + Math.floor(Math.random() * 1_500)
        due.set(id, at)
        await queue.sendMessage(id, { id, channel: 'later', deliverAt: at })
      }
      await pause(20)
    }
  })()
  let killed = 0
  for (let pid: number | undefined; killed < KILLS; ) {
    const role = await schedulerOf()
    if (role?.pid === undefined || role.pid === pid || role.state !== 'ready') {
      await pause(50)
      continue
    }
    pid = role.pid
    await pause(Math.random() * 300)
    process.kill(pid, 'SIGKILL')
    killed++
  }
  sending = false
  await sender
  await until(() => came.size === due.size)
  await pause(1_000)
  await consumer.stop()
  await queue.close()
  expect(early).toEqual([])
  expect([...came].filter(([, times]) => times > 1)).toEqual([])
  expect((await schedulerOf())?.restarts).toBe(KILLS)
  expect(due.size).toBeGreaterThan(KILLS * 20)
}, 240_000)
