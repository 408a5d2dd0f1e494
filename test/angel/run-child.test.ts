import { expect, test } from 'vitest'
import type { Role } from '../../src/angel/role.ts'
import { runChild } from '../../src/angel/run-child.ts'
import type { ToAngel } from '../../src/angel/talk.ts'
import { DroprError } from '../../src/errors.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { systemClock } from '../../src/system/clock.ts'
import { silentLog } from '../../src/system/log.ts'

const system = { clock: systemClock, log: silentLog }
const limits = { ...DEFAULT_LIMITS, heartbeatMsMax: 200, graceMs: 100 }

class FakeParent {
  said: ToAngel[] = []
  tell: (message: unknown) => void = () => undefined
  die: () => void = () => undefined
  #wake: () => void = () => undefined

  send(message: unknown): void {
    this.said.push(message as ToAngel)
    this.#wake()
  }
  onMessage(callback: (message: unknown) => void): void {
    this.tell = callback
  }
  onGone(callback: () => void): void {
    this.die = callback
  }
  leave(): void {}

  /** The next thing of this kind that the child says. */
  async hears<S extends ToAngel['say']>(say: S): Promise<Extract<ToAngel, { say: S }>> {
    for (;;) {
      const at = this.said.findIndex(said => said.say === say)
      if (at >= 0) return this.said.splice(at, 1)[0] as Extract<ToAngel, { say: S }>
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

function role(changes: Partial<Role> = {}): Role & { closedWithin: number[] } {
  const closedWithin: number[] = []
  return {
    closedWithin,
    facts: () => ({ listen: 'x' }),
    health: () => Promise.resolve(),
    status: () => ({ well: true }),
    close: ({ withinMs }) => {
      closedWithin.push(withinMs)
      return Promise.resolve()
    },
    ...changes
  }
}

function child(start: () => Promise<Role>, terminate = new AbortController(), changes: Partial<typeof limits> = {}) {
  const parent = new FakeParent()
  const exit = runChild({ system, limits: { ...limits, ...changes }, parent, terminate: terminate.signal, start })
  return { parent, exit, terminate }
}

test('a role that works is told to the angel, beats, and answers for itself', async () => {
  const { parent, exit } = child(() => Promise.resolve(role()))
  expect(await parent.hears('ready')).toEqual({ say: 'ready', facts: { listen: 'x' } })
  await parent.hears('beat')
  await parent.hears('beat')
  parent.tell({ say: 'status', n: 7 })
  expect(await parent.hears('status')).toEqual({ say: 'status', n: 7, status: { well: true } })
  parent.tell({ say: 'stop', withinMs: 50 })
  expect(await exit).toBe(0)
})

test('a role is closed with the time its angel gave it, and exits 0', async () => {
  const worker = role()
  const { parent, exit } = child(() => Promise.resolve(worker))
  await parent.hears('ready')
  parent.tell({ say: 'stop', withinMs: 50 })
  expect(await exit).toBe(0)
  expect(worker.closedWithin).toEqual([50])
})

test('a role whose angel died is closed within 4 s at most', async () => {
  const worker = role()
  const parent = new FakeParent()
  const { signal } = new AbortController()
  const start = () => Promise.resolve(worker)
  const exit = runChild({ system, limits: { ...limits, graceMs: 600_000 }, parent, terminate: signal, start })
  await parent.hears('ready')
  parent.die()
  expect(await exit).toBe(0)
  expect(worker.closedWithin).toEqual([4_000])
})

test('SIGTERM finishes what is in hand and exits 0', async () => {
  const worker = role()
  const { parent, exit, terminate } = child(() => Promise.resolve(worker))
  await parent.hears('ready')
  terminate.abort()
  expect(await exit).toBe(0)
  expect(worker.closedWithin).toEqual([limits.graceMs])
})

test('a role that does not close in time is left, with a code that is not 0', async () => {
  const { parent, exit } = child(() => Promise.resolve(role({ close: () => new Promise(() => undefined) })))
  await parent.hears('ready')
  parent.tell({ say: 'stop', withinMs: 20 })
  expect(await exit).toBe(75)
})

test('a role that is not well says why instead of beating', async () => {
  const health = () => Promise.reject(new Error('the scan stands still'))
  const { parent, exit } = child(() => Promise.resolve(role({ health })))
  expect(await parent.hears('sick')).toEqual({ say: 'sick', reason: 'the scan stands still' })
  parent.tell({ say: 'stop', withinMs: 20 })
  expect(await exit).toBe(0)
})

test('a role that does not answer for its health does not beat', async () => {
  const { parent, exit } = child(() => Promise.resolve(role({ health: () => new Promise(() => undefined) })))
  await parent.hears('ready')
  parent.said = []
  await systemClock.sleep(limits.heartbeatMsMax)
  expect(parent.said).toEqual([])
  parent.tell({ say: 'stop', withinMs: 20 })
  expect(await exit).toBe(0)
})

test('a role that cannot start tells the angel its code, and exits with the code of the table', async () => {
  const { parent, exit } = child(() => Promise.reject(new DroprError('SPOOL_UNSAFE', 'others may write to /x')))
  expect((await parent.hears('failed')).failure).toEqual({ code: 'SPOOL_UNSAFE', text: 'others may write to /x' })
  expect(await exit).toBe(77)
})

test('a stop while the role still starts does not wait for it', async () => {
  const { parent, exit } = child(() => new Promise(() => undefined))
  parent.tell({ say: 'stop', withinMs: 1_000 })
  expect(await exit).toBe(0)
})

test('a role that is told to reads its configuration again, and a bad one does not end it', async () => {
  let reloads = 0
  const reload = () => {
    if (++reloads === 1) return Promise.resolve()
    return Promise.reject(new DroprError('CONFIG_BAD', 'no good'))
  }
  const { parent, exit } = child(() => Promise.resolve(role({ reload })))
  await parent.hears('ready')
  parent.tell({ say: 'reload' })
  parent.tell({ say: 'reload' })
  await parent.hears('beat')
  expect(reloads).toBe(2)
  parent.tell({ say: 'stop', withinMs: 50 })
  expect(await exit).toBe(0)
})

test('a role that has handled lifeMessagesMax says so, finishes and exits 0', async () => {
  let handled = 0
  const worker = role({ handled: () => handled })
  const { parent, exit } = child(() => Promise.resolve(worker), undefined, { lifeMessagesMax: 5 })
  await parent.hears('beat')
  await parent.hears('beat')
  handled = 5
  await parent.hears('full')
  expect(await exit).toBe(0)
  expect(worker.closedWithin.length).toBe(1)
})
