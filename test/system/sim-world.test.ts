import { expect, test } from 'vitest'
import { acquireLock, findHolder } from '../../src/system/lock.ts'
import { SimWorld } from '../../src/system/sim/index.ts'

const LOCK = { folder: '/run', name: 'owner' }

async function withFolder(seed: number | string, options: Partial<ConstructorParameters<typeof SimWorld>[0]> = {}) {
  const world = new SimWorld({ ...options, seed })
  const node = world.node('a')
  await world.clock.until(node.process('setup').files.makeFolder('/run'))
  await world.clock.until(node.process('setup').files.syncFolder('/'))
  return { world, node }
}

test('a killed process hears of nothing, and what it was doing is done or not', async () => {
  const outcomes = new Set<boolean>()
  for (let seed = 0; seed < 50; seed++) {
    const { world, node } = await withFolder(seed)
    const process = node.process('app')
    let told = false
    void process.files.makeFolder('/run/x').then(() => {
      told = true
    })
    process.kill()
    await world.clock.advance(1_000)
    expect(told).toBe(false)
    outcomes.add(node.disk.disk.find('/run/x') !== undefined)
    expect(node.process('app')).not.toBe(process)
  }
  expect(outcomes.size).toBe(2)
})

test('a write that the power cut interrupts is there, torn or not there, and the call never ends', async () => {
  const outcomes = new Set<string | undefined>()
  for (let seed = 0; seed < 200; seed++) {
    const { world, node } = await withFolder(seed)
    const { files } = node.process('app')
    const file = await world.clock.until(files.create('/run/a'))
    await world.clock.until(files.syncFolder('/run'))
    let ended = false
    void file.writeSynced([Buffer.from('abc')], 0).then(() => {
      ended = true
    })
    await world.clock.advance(world.random.between(0, 1))
    if (ended) continue
    node.powerCut()
    await world.clock.advance(1_000)
    expect(ended).toBe(false)
    outcomes.add(node.disk.peek('/run/a')?.toString())
  }
  expect(outcomes).toContain('')
  expect(outcomes).toContain('abc')
  expect(outcomes).toContain('ab')
})

test('the same seed gives the same run', async () => {
  const run = async (seed: number) => {
    const { world, node } = await withFolder(seed)
    const seen: string[] = []
    const app = node.process('app')
    app.watch.folder('/run', path => seen.push(`${path} ${world.clock.ticks()}`))
    const writes = Array.from({ length: 20 }, async (_, at) => {
      const file = await app.files.create(`/run/${at}`)
      await file.write([app.random.bytes(100)], 0)
      seen.push(`${at} ${world.clock.ticks()}`)
    })
    await world.clock.until(Promise.all(writes))
    node.powerCut()
    return [...seen, ...node.disk.disk.folder('/run').names.keys()]
  }
  expect(await run(3)).toEqual(await run(3))
  expect(await run(3)).not.toEqual(await run(4))
})

test('hints can be late, lost, repeated and off, and stop at the depth asked for', async () => {
  const { world, node } = await withFolder(1)
  const app = node.process('app')
  const hints: string[] = []
  const watcher = app.watch.folder('/run', path => hints.push(path), { depth: 0 })
  const touch = async (path: string) => {
    await world.clock.until(app.files.makeFolder(path))
    await world.clock.advance(10)
    return hints.splice(0)
  }
  expect(await touch('/run/a')).toEqual(['/run/a'])
  expect(await touch('/run/a/b')).toEqual([])
  world.watch.repeated = 1
  expect(await touch('/run/c')).toEqual(['/run/c', '/run/c'])
  world.watch.lost = 1
  expect(await touch('/run/d')).toEqual([])
  world.watch.lost = 0
  world.watch.on = false
  expect(await touch('/run/e')).toEqual([])
  world.watch.on = true
  await watcher.close()
  expect(await touch('/run/f')).toEqual([])
})

test('each machine has its wall clock, and steps of one are not steps of the other', async () => {
  const world = new SimWorld({ seed: 1 })
  const [a, b] = [world.node('a'), world.node('b')]
  a.clockOffsetMs = 600_000
  expect(a.process('app').clock.now() - b.process('app').clock.now()).toBe(600_000)
})

test('a stopped process holds its lock, a dead one does not, also after a power cut', async () => {
  const { world, node } = await withFolder(5)
  const { clock } = world
  const first = node.process('first')
  const take = (name: string) => acquireLock(node.process(name), { ...LOCK, about: name })
  expect((await clock.until(take('first'))).epoch).toBe(1)
  await expect(clock.until(take('second'))).rejects.toMatchObject({ code: 'LOCK_HELD', about: 'first' })
  first.stop()
  await expect(clock.until(take('second'))).rejects.toMatchObject({ code: 'LOCK_HELD', about: undefined })
  first.kill()
  expect((await clock.until(take('second'))).epoch).toBe(2)
  node.powerCut()
  expect(await clock.until(findHolder(node.process('third'), LOCK))).toBeUndefined()
  expect((await clock.until(take('third'))).epoch).toBe(3)
})

test('whoever is killed, stopped or cut off, no epoch is given twice and no two hold the lock', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const { world, node } = await withFolder(`lock ${seed}`)
    const { clock, random } = world
    const epochs: number[] = []
    let takeovers = 0
    const holders = new Set<string>()
    for (let round = 0; round < 30; round++) {
      const name = `p${random.int(6)}`
      const process = node.process(name)
      const chance = random.next()
      if (chance < 0.5) {
        void acquireLock(process, { ...LOCK, about: name }).then(
          lock => {
            for (const other of holders) expect(node.process(other).alive && other !== name, `seed ${seed}`).toBe(false)
            epochs.push(lock.epoch)
            takeovers++
            holders.add(name)
          },
          error => expect(error, `seed ${seed}`).toMatchObject({ code: 'LOCK_HELD' })
        )
      } else if (chance < 0.75) {
        process.kill()
        holders.delete(name)
      } else if (chance < 0.8) process.stop()
      else if (chance < 0.95) process.continue()
      else {
        node.powerCut()
        holders.clear()
      }
      await clock.advance(random.between(0, 8))
    }
    expect(new Set(epochs).size, `seed ${seed}`).toBe(epochs.length)
    expect(epochs, `seed ${seed}`).toEqual(epochs.toSorted((one, other) => one - other))
    expect(takeovers, `seed ${seed}`).toBeGreaterThan(0)
  }
})
