import { expect, test } from 'vitest'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { CrashRun, type Mishaps, SHORT } from './crash-run.ts'
import { openSender, openSpool, outbox, tree } from './desk.ts'

const NONE: Mishaps = { kills: false, powerCuts: false, clockSteps: false, full: false, stops: false }
const SEEDS = Number(process.env.DROPR_SEEDS ?? 2)
const FIRST = Number(process.env.DROPR_SEED ?? 1)
/** Where nothing goes wrong: the one scheduler that another one follows has a moment in which there is none, and 200 ms ago is a time too. */
const LATE_MS_MAX = 500

/** P8: what is in the outbox is what was scheduled, each after its time, what was cancelled in time never. */
async function check(seed: string, mishaps: Partial<Mishaps>, options = {}, schedulers = ['scheduler']): Promise<void> {
  const run = new CrashRun(seed, { ...NONE, ...mishaps }, options)
  const found = await run.run(schedulers)
  const times = new Map<string, number>()
  for (const message of found) {
    const one = run.expected.get(message.id)
    const said = `${seed}: ${message.id} ${JSON.stringify(one)}`
    // Not `expect`: called for every message it took longer than what is tested.
    if (one === undefined) throw new Error(said)
    if (one.cancelled) throw new Error(`${said} was cancelled and went`)
    if (!one.bodies.has(message.body.toString())) throw new Error(`${said} went as it was before`)
    if (!(message.sentAt >= one.earliest)) throw new Error(`${said} went too early`)
    if (run.calm && !(message.sentAt - one.earliest < LATE_MS_MAX)) throw new Error(`${said} went late`)
    times.set(message.id, (times.get(message.id) ?? 0) + 1)
  }
  for (const [id, one] of run.expected) {
    const went = times.get(id) ?? 0
    if (one.sent && !one.cancelled && !one.mayBeCancelled && went === 0) throw new Error(`${seed}: ${id} is lost`)
    if (run.crashes === 0 && went > 1) throw new Error(`${seed}: ${id} went twice`)
  }
  const left = (await run.world.clock.until(tree(run.node.disk, '/s/schedule'))).filter(path =>
    /blob$|part$/.test(path)
  )
  expect(left, `${seed}: nobody owns these large bodies`).toEqual([])
}

async function seeds(name: string, mishaps: Partial<Mishaps>, options = {}, schedulers?: string[]): Promise<void> {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    try {
      await check(`${name} ${seed}`, mishaps, options, schedulers)
    } catch (error) {
      throw new Error(`DROPR_SEED=${seed}: ${String(error)}`, { cause: error })
    }
  }
}

test('P8: nothing is lost, early or twice while nothing goes wrong', () => seeds('calm', {}), 300_000)

test(
  'P8 H15: nothing is lost or early when schedulers and applications are killed at any moment',
  () => seeds('kills', { kills: true }),
  120_000
)

test(
  'P8: nothing is lost or early when the power goes at any moment',
  () => seeds('power', { kills: true, powerCuts: true }),
  120_000
)

test(
  'P8 H21 CLOCK-1: nothing is lost or early when the wall clock jumps by an hour',
  () => seeds('clock', { kills: true, clockSteps: true }),
  120_000
)

test(
  'P8: nothing is lost or early when processes are stopped and go on',
  () => seeds('stops', { stops: true, kills: true }),
  120_000
)

test(
  'P8: nothing is lost or early when the disk is full for a while',
  () => seeds('full', { full: true, kills: true }),
  120_000
)

test(
  'P8 H11: nothing is lost or early when three schedulers share four shards and are killed at any moment',
  () => seeds('pool', { kills: true }, { shards: 4 }, ['a', 'b', 'c']),
  240_000
)

test('P8 H9: with one level and with four nothing is lost or early under kills; with those and with three each goes once, on time', async () => {
  for (const [name, levels] of [
    ['one level', SHORT.slice(2)],
    ['four levels', [...SHORT, { name: 'tiny', lengthMs: 1_000 }]]
  ] as const) {
    await check(`${name} ${FIRST}`, { kills: true }, { levels })
    await check(`${name} calm ${FIRST}`, {}, { levels })
  }
  await check(`three levels calm ${FIRST}`, {})
}, 240_000)

test('E9 P8: of messages whose bodies lie in files none goes without its body, and no body stays that nobody needs', async () => {
  await seeds('large calm', {}, { large: true })
  await seeds('large kills', { kills: true }, { large: true })
  await seeds('large power', { kills: true, powerCuts: true }, { large: true })
  await seeds('large full', { full: true, kills: true }, { large: true })
  await seeds('large pool', { kills: true, stops: true }, { large: true, shards: 4 }, ['a', 'b', 'c'])
}, 600_000)

test.each(['/schedule/minute/', '/schedule/in'])(
  'P8: what lay in %s and was removed, and is back after a power cut, is neither sent again nor after its cancel',
  async part => {
    const world = new SimWorld({ seed: `back ${part}` })
    const { clock } = world
    const node = world.node('berlin')
    const limits = { scanMs: 500 }
    const sender = await clock.until(openSpool(node.process('app')).then(openSender))
    const start = async (name: string) => {
      const spool = await clock.until(openSpool(node.process(name), limits))
      await clock.until(Scheduler.start({ spool }))
      return new Schedule({ spool })
    }
    const schedule = await start('one')
    const due = clock.now() + 90_000
    for (const id of ['goes', 'stays']) await clock.until(sender.send(due, { id }))
    expect(await clock.until(schedule.cancel('stays'))).toMatchObject({ done: true })
    // Sealed, so that it may go when all of it is in a bucket.
    await clock.until(sender.close())
    let removed = false
    const isFile = (path: string) => path.includes(part) && path.endsWith('.seg')
    node.disk.failNext({
      call: 'remove',
      code: 'EIO',
      path: path => {
        removed ||= isFile(path)
        return false
      }
    })
    const unsynced = node.disk.failNext({
      call: 'syncFolder',
      code: 'EIO',
      path: path => {
        if (removed) node.process('one').kill()
        return removed && path.includes(part)
      },
      times: 100
    })
    for (let i = 0; i < 100 && !removed; i++) await clock.advance(1_000)
    await clock.advance(100)
    expect(removed).toBe(true)
    unsynced.remove()
    await start('two')
    await clock.advance(3_000)
    node.powerCut({ names: 'lose' })
    await start('three')
    await clock.advance(100_000)
    const ids = (await clock.until(outbox(node.disk))).map(({ id }) => id)
    expect(ids).toEqual(['goes'])
  }
)
