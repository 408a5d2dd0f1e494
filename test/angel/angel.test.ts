import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Angel } from '../../src/angel/angel.ts'
import type { KeeperStatus } from '../../src/angel/keeper.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import { nodeChildren } from '../../src/system/child.ts'
import { systemClock } from '../../src/system/clock.ts'
import type { Log, LogFields } from '../../src/system/log.ts'
import { silentLog } from '../../src/system/log.ts'

const FAKE = path.join(import.meta.dirname, 'fake-child.mjs')
const LIMITS: Limits = { ...DEFAULT_LIMITS, graceMs: 3_000 }

let angels: Angel[] = []

afterEach(async () => {
  for (const angel of angels) {
    angel.stop()
    angel.stop()
    await angel.ended
  }
  angels = []
})

function angelOver(behaviours: Record<string, string>, options: { limits?: Partial<Limits>; log?: Log } = {}): Angel {
  const children = Object.entries(behaviours).map(([role, behaviour]) => {
    const start: Parameters<typeof nodeChildren.start>[0] = { args: [FAKE, behaviour], onExit: () => undefined }
    return [role, (hooks: object) => nodeChildren.start({ ...start, ...hooks })] as const
  })
  const angel = new Angel({
    system: { clock: systemClock, log: options.log ?? silentLog },
    limits: { ...LIMITS, ...options.limits },
    children: new Map(children)
  })
  angels.push(angel)
  return angel
}

async function first(angel: Angel): Promise<KeeperStatus> {
  const [status] = await angel.status()
  return status!
}

/** Looks until `is` holds; the test's own time limit is the bound. */
async function until(angel: Angel, is: (status: KeeperStatus) => boolean): Promise<KeeperStatus> {
  for (;;) {
    const status = await first(angel)
    if (is(status)) return status
    await systemClock.sleep(10)
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a child killed five times is there again each time, with a new pid', async () => {
  const angel = angelOver({ client: 'good' }, { limits: { restartMsMin: 10, restartMsMax: 100 } })
  expect(await angel.settled).toBe('ready')
  const pids = new Set<number>()
  for (let kill = 0; kill < 5; kill++) {
    const { pid } = await until(angel, status => status.state === 'ready' && !pids.has(status.pid!))
    pids.add(pid!)
    process.kill(pid!, 'SIGKILL')
  }
  const status = await until(angel, now => now.state === 'ready' && !pids.has(now.pid!))
  expect(status.restarts).toBe(5)
  expect(status.lastDeath?.reason).toBe('killed by SIGKILL')
})

test('C3: a child that dies at each start is damped: each death is logged with its reason, and the status says why and since when', async () => {
  const lines: LogFields[] = []
  const log: Log = { ...silentLog, warn: fields => lines.push(fields) }
  const angel = angelOver({ client: 'dies' }, { limits: { restartMsMin: 100, restartMsMax: 60_000 }, log })
  const status = await until(angel, now => now.failing?.deaths === 4)
  // At once, 100, 200, 400: as planned, not faster.
  expect(lines.map(line => line.waitMs)).toEqual([0, 100, 200, 400])
  expect(lines.every(line => line.reason === 'exit code 3')).toBe(true)
  expect(status.state).toBe('waiting')
  expect(status.failing!.nextStartAt! - status.lastDeath!.at).toBe(400)
  expect(status.lastDeath!.at - status.failing!.since).toBeGreaterThanOrEqual(300)
})

test('a child that had worked for five times the wait to come is started at once when it dies, and is not failing before', async () => {
  const lines: LogFields[] = []
  const log: Log = { ...silentLog, warn: fields => lines.push(fields) }
  const angel = angelOver({ client: 'good' }, { limits: { restartMsMin: 100, restartMsMax: 60_000 }, log })
  const killed = new Set<number>()
  const kill = async (workedMs: number) => {
    let readyAt: number | undefined
    const status = await until(angel, now => {
      if (now.state !== 'ready' || killed.has(now.pid!)) return false
      readyAt ??= systemClock.ticks()
      return systemClock.ticks() - readyAt >= workedMs
    })
    killed.add(status.pid!)
    process.kill(status.pid!, 'SIGKILL')
    return status
  }
  expect((await kill(0)).failing).toBeUndefined()
  expect((await kill(0)).failing).toMatchObject({ deaths: 1 })
  expect((await kill(0)).failing).toMatchObject({ deaths: 2 })
  // After three deaths 400 ms come next.
  expect((await kill(2_050)).failing).toBeUndefined()
  await until(angel, now => now.restarts === 4)
  expect(lines.map(line => line.waitMs)).toEqual([0, 100, 200, 0])
})

test('one child that dies at each start does not touch the other', async () => {
  const angel = angelOver({ client: 'dies', server: 'good' }, { limits: { restartMsMin: 10 } })
  await until(angel, status => status.failing?.deaths === 4)
  const [, server] = await angel.status()
  expect(server).toMatchObject({ role: 'server', state: 'ready', restarts: 0, says: { pid: server!.pid } })
})

test.each(['falls-silent', 'blocks'])(
  'a child that %s for heartbeatMsMax is killed and started again',
  async behaviour => {
    const angel = angelOver({ client: behaviour }, { limits: { heartbeatMsMax: 1_000 } })
    const { lastDeath } = await until(angel, now => now.restarts >= 1)
    expect(lastDeath?.reason).toBe('no heartbeat for 1000 ms')
    expect(alive(lastDeath!.pid!)).toBe(false)
  }
)

test('a child that beats is left alone for many times heartbeatMsMax', async () => {
  const angel = angelOver({ client: 'good' }, { limits: { heartbeatMsMax: 2_000 } })
  await angel.settled
  const startedAt = systemClock.ticks()
  const status = await until(angel, () => systemClock.ticks() - startedAt > 5_000)
  expect(status.restarts).toBe(0)
})

test('children that finish by themselves when asked make a clean end', async () => {
  const angel = angelOver({ client: 'good', server: 'good' })
  await angel.settled
  const pids = (await angel.status()).map(status => status.pid!)
  angel.stop()
  expect(await angel.ended).toBe('finished')
  expect(pids.map(alive)).toEqual([false, false])
})

test('a child that ignores the wish to end is killed after graceMs, and the end says so', async () => {
  const angel = angelOver({ client: 'ignores-stop' }, { limits: { graceMs: 200 } })
  await angel.settled
  const { pid } = await first(angel)
  angel.stop()
  expect(await angel.ended).toBe('forced')
  expect(alive(pid!)).toBe(false)
})

test('asking twice to stop kills at once', async () => {
  const angel = angelOver({ client: 'ignores-stop' }, { limits: { graceMs: 600_000 } })
  await angel.settled
  angel.stop()
  angel.stop()
  expect(await angel.ended).toBe('forced')
})

test('a stop while a child waits for its next start ends at once', async () => {
  const angel = angelOver({ client: 'dies' }, { limits: { restartMsMin: 60_000 } })
  await until(angel, status => status.failing?.deaths === 2)
  angel.stop()
  expect(await angel.ended).toBe('finished')
})

test('a child that can never work before anything worked ends the angel, with the reason', async () => {
  const angel = angelOver({ client: 'will-never-work', server: 'good' })
  const failure = { code: 'CONFIG_BAD', text: 'dropr.json: unknown key "foo"' }
  expect(await angel.settled).toEqual(failure)
  expect(await angel.ended).toEqual(failure)
})
