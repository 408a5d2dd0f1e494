import { afterEach, beforeEach, expect, test } from 'vitest'
import { SOAK } from '../soak.ts'
import { numbers, type Program, QUICK, RealWorld, take, until } from './real-world.ts'

let world: RealWorld

beforeEach(() => {
  world = new RealWorld()
})
afterEach(() => world.end())

test('PROC-1 P2: an application killed at any call of the file system has what it was told; what it sends again with the same ids is there once', async () => {
  const lives = SOAK ? 200 : 20
  const spool = world.spool('spool')
  // Every life sends again, with the same ids, what the ones before were not told of, then more, until it dies.
  const text = `
    const told = new Set(args[1].split(','))
    const from = Number(args[2])
    const queue = await openQueue({ spool: args[0] })
    for (let i = Math.max(0, from - 40); i < from + 60; i++) {
      const id = 'm' + i
      if (told.has(id)) continue
      await queue.sendMessage(id + ' ' + 'x'.repeat(2000), { id, channel: 'c' })
      process.stdout.write(id + '\\n')
    }
    process.stdout.write('all\\n')
    process.stdin.resume()`
  const told = new Set<string>()
  for (let life = 0; life < lives; life++) {
    const program = world.program(text, {
      args: [spool, [...told].slice(-200).join(','), String(life * 20)],
      deaths: { call: lives, within: 60 }
    })
    await until(() => program.child.signalCode !== null || program.lines.includes('all'))
    program.kill('SIGKILL')
    await program.ended
    for (const id of program.lines) if (id !== 'all') told.add(id)
  }
  const queue = await world.queue('spool')
  const got = await take(queue, 'c', lives * 20 + 60, 500)
  const ids = got.map(message => message.id)
  expect(new Set(ids).size).toBe(ids.length)
  expect([...told].filter(id => !ids.includes(id))).toEqual([])
  expect(got.filter(({ id, body }) => body !== `${id} ${'x'.repeat(2_000)}`)).toEqual([])
  // A run in which nobody died under way proves nothing.
  expect(world.deathsOf('app', 'call')).toBeGreaterThan(lives / 2)
})

test('B12 PROC-8: of two sets of daemons started at once on one spool one works, and the other names it and ends with 69', async () => {
  const starting = [world.up('spool', { roles: 'client' }), world.up('spool', { roles: 'client' })]
  const settled = await Promise.allSettled(starting)
  const up = settled.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const refused = settled.flatMap(result => (result.status === 'rejected' ? [String(result.reason)] : []))
  expect(up).toHaveLength(1)
  expect(refused).toHaveLength(1)
  expect(refused[0]).toContain('DAEMON_RUNNING')
  expect(refused[0]).toContain(`process ${up[0]!.pid}`)
  expect(await up[0]!.stop()).toBe(0)
})

test('PROC-9: with no daemon a send is as durable, and its p99 is of the same order as with one', async () => {
  const times = async (name: string) => {
    const queue = await world.queue(name)
    const took: number[] = []
    for (let i = 0; i < 100; i++) {
      const began = performance.now()
      await queue.sendMessage(`${i}`, { channel: 'c' })
      took.push(performance.now() - began)
    }
    return took.toSorted((a, b) => a - b)[98]!
  }
  await world.up('with', { roles: 'server', config: { limits: QUICK } })
  // Taking turns, so that whatever else the machine does hits both.
  const [one, two] = [
    [await times('with'), await times('with')],
    [await times('without'), await times('without')]
  ]
  expect(Math.min(...two)).toBeLessThan(10 * Math.min(...one) + 1)
  expect(await take(await world.queue('without'), 'c', 200)).toHaveLength(200)
})

test('PROC-10: of 20 processes that send into one channel at once everything is there, each in its order', async () => {
  const each = SOAK ? 1_000 : 100
  await world.queue('spool')
  const text = `
    const queue = await openQueue({ spool: args[0] })
    await Promise.all(Array.from({ length: ${each} }, (_, i) => queue.sendMessage(args[1] + ' ' + i, { channel: 'c' })))
    await queue.close()`
  const programs: Program[] = []
  for (let i = 0; i < 20; i++) programs.push(world.program(text, { args: [world.spool('spool'), String(i)] }))
  expect(await Promise.all(programs.map(program => program.ended))).toEqual(Array(20).fill(0))
  const got = await take(await world.queue('spool'), 'c', 20 * each)
  expect(got).toHaveLength(20 * each)
  for (let i = 0; i < 20; i++) {
    const own = got.filter(message => message.body.startsWith(`${i} `)).map(message => message.body.split(' ')[1])
    expect(own).toEqual(numbers(each))
  }
})

test('PROC-6: SIGTERM with hundreds of uploads waiting or on their way ends both nodes with 0 in the grace time, and all arrive once after the next start', async () => {
  // A range each.
  const count = SOAK ? 1_000 : 300
  const tokyo = await world.up('tokyo', { flags: ['--single'], config: { limits: QUICK } })
  const limits = { ...QUICK, rangeBytesMax: 1_024 }
  const berlin = await world.up('berlin', { flags: ['--single'], config: { peers: { tokyo: tokyo.url }, limits } })
  const app = await world.queue('berlin', { peers: { tokyo: tokyo.url } })
  await app.sendMessages(
    numbers(count).map(body => body.padEnd(1_000)),
    { to: 'tokyo', channel: 'c' }
  )
  await until(() => berlin.peer('tokyo')?.inFlight > 0 || berlin.peer('tokyo')?.acked > 0)
  const began = performance.now()
  expect(await berlin.stop()).toBe(0)
  expect(await tokyo.stop()).toBe(0)
  expect(performance.now() - began).toBeLessThan(10_000)
  await tokyo.start()
  await berlin.start()
  const got = await take(await world.queue('tokyo'), 'c', count)
  expect(got.map(message => message.body.trim())).toEqual(numbers(count))
})
