import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { acquireLock, findHolder, type Lock, type LockHeldError } from '../../src/system/lock.ts'
import { nodeSystem } from '../../src/system/node-system.ts'

const system = nodeSystem()
const locks: Lock[] = []
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr-lock-'))
})

afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.release()
  await rm(folder, { recursive: true })
})

async function take(about: unknown): Promise<Lock> {
  const lock = await acquireLock(system, { folder, name: 'owner', about })
  locks.push(lock)
  return lock
}

test('the second contender is told who holds the lock', async () => {
  const lock = await take({ pid: 7, role: 'server' })
  expect(lock.epoch).toBe(1)
  const error = await take({ pid: 8 }).catch((error: LockHeldError) => error)
  expect(error).toMatchObject({ code: 'LOCK_HELD', epoch: 1, about: { pid: 7, role: 'server' } })
  expect(await readdir(folder)).toEqual(['owner-1.sock'])
})

test('of many contenders at once exactly one wins', async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => take(at)))
  expect(results.filter(result => result.status === 'fulfilled')).toHaveLength(1)
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LOCK_HELD' })
  }
  expect(await readdir(folder)).toEqual(['owner-1.sock'])
})

test('each holder has a higher epoch, and the last dead ones stay in the folder', async () => {
  for (let epoch = 1; epoch <= 4; epoch++) {
    const lock = await take(epoch)
    expect(lock.epoch).toBe(epoch)
    await lock.release()
  }
  expect((await readdir(folder)).sort()).toEqual(['owner-3.sock', 'owner-4.sock'])
  expect(await findHolder(system, { folder, name: 'owner' })).toBeUndefined()
})

test('two locks in one folder do not see each other', async () => {
  await take('a')
  const other = await acquireLock(system, { folder, name: 'owner-2', about: 'b' })
  locks.push(other)
  expect(other.epoch).toBe(1)
})

test('a line found by its lock reaches the owner, also when the owner listens late', async () => {
  const lock = await take('me')
  const holder = await findHolder(system, { folder, name: 'owner' })
  expect(holder).toMatchObject({ epoch: 1, about: 'me' })
  const line = holder!.line
  const answers = new Promise<string[]>(resolve => {
    const got: string[] = []
    line.onMessage = text => {
      if (got.push(text) === 3) resolve(got)
    }
  })
  line.send('one')
  line.send('two')
  await new Promise(resolve => setImmediate(resolve))
  lock.onConnection = caller => {
    caller.onEnd = () => undefined
    caller.onMessage = text => caller.send(`echo ${text}`)
  }
  line.send('three')
  expect(await answers).toEqual(['echo one', 'echo two', 'echo three'])
  line.end()
})

test('a contender that slept through several holders does not take a number of the past', async () => {
  let wake: (() => void) | undefined
  const asleep = new Promise<void>(resolve => {
    wake = resolve
  })
  let links = 0
  const sleepy = {
    ...system,
    files: {
      ...system.files,
      async link(from: string, to: string) {
        if (++links === 1) await asleep
        await system.files.link(from, to)
      }
    }
  }
  const late = acquireLock(sleepy, { folder, name: 'owner', about: 'late' })
  while (links === 0) await new Promise(resolve => setImmediate(resolve))
  for (let epoch = 1; epoch <= 3; epoch++) await (await take(epoch)).release()
  wake?.()
  const lock = await late
  locks.push(lock)
  expect(lock.epoch).toBe(4)
  expect(links).toBe(2)
  expect((await readdir(folder)).toSorted()).toEqual(['owner-3.sock', 'owner-4.sock'])
})

test('a stopped process holds its lock, a killed one does not', async () => {
  const path = `${folder}/owner-1.sock`
  const script = `require('node:net').createServer(() => undefined).listen(${JSON.stringify(path)})`
  const holder = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  const impatient = { ...system, clock: { ...system.clock, sleep: () => new Promise<void>(setImmediate) } }
  const contend = () => acquireLock(impatient, { folder, name: 'owner', about: 'me' })
  for (;;) {
    // The name is there a moment before it takes calls.
    const line = await system.sockets.connect(path).catch(() => undefined)
    line?.end()
    if (line) break
  }
  holder.kill('SIGSTOP')
  await expect(contend()).rejects.toMatchObject({ code: 'LOCK_HELD', epoch: 1, about: undefined })
  const dead = new Promise(resolve => holder.once('exit', resolve))
  holder.kill('SIGKILL')
  await dead
  const lock = await contend()
  locks.push(lock)
  expect(lock.epoch).toBe(2)
})

test('a holder that cuts every call is alive all the same', async () => {
  const listener = await system.sockets.listen(`${folder}/owner-1.sock`, line => line.end())
  await expect(take('me')).rejects.toMatchObject({ code: 'LOCK_HELD', about: undefined })
  await listener.close()
})

test('what a contender left behind is tidied up, unless it lives', async () => {
  const alive = await system.sockets.listen(`${folder}/owner-new-a.sock`, line => line.end())
  const dead = await system.sockets.listen(`${folder}/gone`, line => line.end())
  await system.files.link(`${folder}/gone`, `${folder}/owner-new-b.sock`)
  await dead.close()
  await take('me')
  expect((await readdir(folder)).toSorted()).toEqual(['owner-1.sock', 'owner-new-a.sock'])
  await alive.close()
})

test('a contender whose name was tidied away before it listened tries again; where there is no folder it says so', async () => {
  let tidied = 3
  const listen: typeof system.sockets.listen = async (path, connected) => {
    if (--tidied >= 0) throw Object.assign(new Error('chmod'), { code: 'ENOENT' })
    return await system.sockets.listen(path, connected)
  }
  const busy = { ...system, sockets: { ...system.sockets, listen } }
  locks.push(await acquireLock(busy, { folder, name: 'owner', about: 'me' }))
  expect(tidied).toBe(-1)
  expect(await readdir(folder)).toEqual(['owner-1.sock'])
  const nowhere = { folder: join(folder, 'nowhere'), name: 'owner', about: 'me' }
  await expect(acquireLock(system, nowhere)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('releasing ends the lines', async () => {
  const lock = await take('me')
  const { line } = (await findHolder(system, { folder, name: 'owner' }))!
  const ended = new Promise<void>(resolve => {
    line.onEnd = resolve
  })
  await lock.release()
  await ended
})
