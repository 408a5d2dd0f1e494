import { expect, test } from 'vitest'
import { Schedule, Scheduler } from '../../src/scheduler/index.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { SOAK } from '../soak.ts'
import { SHORT } from './crash-run.ts'
import { openSender, openSpool, outbox } from './desk.ts'

/** More than all that happens in twenty seconds takes. */
const STEPS_MAX = 2_000
const LIMITS = { scanMs: 1_000, retryMsMin: 50 }
/** Whoever goes on looks less often: it costs time, and shows nothing more. */
const HEIR_LIMITS = { ...LIMITS, scanMs: 5_000 }

/**
 * One schedule in which all happens: intake, promotion, hand-over, cancel, move, edit. The scheduler dies at its k-th call of the
 * disk, which takes effect or not; then either a new one goes on, or everything is cancelled first.
 */
async function dieAt(k: number, how: { power: boolean; cancelAll: boolean }) {
  const world = new SimWorld({ seed: `step ${k} ${how.power}` })
  const { clock } = world
  const node = world.node('berlin')
  const victim = node.process('victim')
  const spool = await clock.until(openSpool(victim, LIMITS))
  let app = node.process('app')
  const sender = await clock.until(openSpool(app).then(openSender))
  const now = clock.now()
  const dues = new Map([1_000, 1_500, 2_500, 14_000, 70_000, 3_000, 2_800, 15_000].map((ms, i) => [`m${i}`, now + ms]))
  for (const [id, due] of dues) await clock.until(sender.send(due, { id, body: id }))
  let calls = 0
  const hook = node.disk.failNext({
    call: 'any',
    code: 'EIO',
    path: path => {
      if (path.startsWith('/s/schedule') || path.startsWith('/s/outbox')) calls++
      if (calls === k && victim.alive) {
        if (how.power) node.powerCut()
        else victim.kill()
      }
      return false
    }
  })
  const moved = now + 90_000
  const said: { cancelled?: boolean; moved?: boolean; edited?: boolean } = {}
  const act = async () => {
    await Scheduler.start({ spool, levels: SHORT })
    const schedule = new Schedule({ spool, levels: SHORT })
    said.cancelled = (await schedule.cancel('m5')).done
    said.moved = (await schedule.reschedule('m6', moved)).done
    said.edited = (await schedule.edit('m7', { kind: 'text', bytes: Buffer.from('edited') })).done
  }
  act().catch(() => undefined)
  await clock.advance(20_000)
  hook.remove()
  if (victim.alive) victim.kill()
  const dead = new Set<string>()
  const next = async (name: string) => {
    app = node.process(name)
    return openSpool(app, HEIR_LIMITS)
  }
  if (how.cancelAll) {
    const schedule = new Schedule({ spool: await clock.until(next('app')), levels: SHORT })
    for (const id of dues.keys()) if ((await clock.until(schedule.cancel(id))).done) dead.add(id)
  }
  await clock.until(next('heir').then(spool => Scheduler.start({ spool, levels: SHORT })))
  await clock.advance(100_000)
  return { calls, found: await clock.until(outbox(node.disk)), dues, moved, said, dead }
}

function check(k: number, how: object, run: Awaited<ReturnType<typeof dieAt>>): void {
  const { found, dues, moved, said, dead } = run
  for (const [id, due] of dues) {
    const mine = found.filter(message => message.id === id)
    const at = `step ${k} ${JSON.stringify(how)} ${id} ${JSON.stringify(said)}`
    if (dead.has(id)) expect(mine.length, `${at} was called cancelled`).toBe(0)
    else if (id === 'm5' && said.cancelled) expect(mine.length, at).toBe(0)
    else if (id !== 'm5' || said.cancelled === false) expect(mine.length, at).toBeGreaterThan(0)
    const earliest = id === 'm6' && said.moved ? moved : due
    const bodies = id !== 'm7' ? [id] : said.edited ? ['edited'] : ['m7', 'edited']
    const wrong = mine.filter(({ sentAt, body }) => !(sentAt >= earliest && bodies.includes(body.toString())))
    expect(wrong, at).toEqual([])
  }
}

/** `npm run soak` takes every step, `npm test` a part of them, other ones for a kill than for a power cut. */
const EVERY = SOAK ? 1 : 4

async function everyStep(power: boolean): Promise<void> {
  let k = power ? 0 : Math.floor(EVERY / 2)
  let cancelAll = false
  for (let calls = k; calls >= k && k < STEPS_MAX; ) {
    cancelAll = !cancelAll
    k += EVERY
    const how = { power, cancelAll }
    const run = await dieAt(k, how)
    check(k, how, run)
    calls = run.calls
  }
  expect(k).toBeGreaterThan(200)
  expect(k).toBeLessThan(STEPS_MAX)
}

test(
  'P8 H7 H15: killed between any two calls of the disk, a scheduler loses nothing, and sends nothing early or after its cancel',
  () => everyStep(false),
  480_000
)

test(
  'P8: when the power goes between any two calls of the disk nothing is lost, early, or sent after its cancel',
  () => everyStep(true),
  480_000
)
