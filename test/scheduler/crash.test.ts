import { expect, test } from 'vitest'
import { CrashRun, type Mishaps, SHORT } from './crash-run.ts'

const NONE: Mishaps = { kills: false, powerCuts: false, clockSteps: false, full: false, stops: false }
const SEEDS = Number(process.env.DROPR_SEEDS ?? 2)
const FIRST = Number(process.env.DROPR_SEED ?? 1)

/** P8: what is in the outbox is what was scheduled, each after its time, what was cancelled in time never. */
async function check(seed: string, mishaps: Partial<Mishaps>, options = {}, schedulers = ['scheduler']): Promise<void> {
  const run = new CrashRun(seed, { ...NONE, ...mishaps }, options)
  const found = await run.run(schedulers)
  const times = new Map<string, number>()
  for (const message of found) {
    const one = run.expected.get(message.id)
    const said = `${seed}: ${message.id} ${JSON.stringify(one)}`
    expect(one, said).toBeDefined()
    expect(one!.cancelled, `${said} was cancelled and went`).toBe(false)
    expect([...one!.bodies], `${said} went as it was before`).toContain(message.body.toString())
    expect(message.sentAt, `${said} went too early`).toBeGreaterThanOrEqual(one!.earliest)
    times.set(message.id, (times.get(message.id) ?? 0) + 1)
  }
  for (const [id, one] of run.expected) {
    if (one.sent && !one.cancelled && !one.mayBeCancelled)
      expect(times.get(id) ?? 0, `${seed}: ${id} is lost`).toBeGreaterThan(0)
    if (run.crashes === 0) expect(times.get(id) ?? 0, `${seed}: ${id} went twice`).toBeLessThanOrEqual(1)
  }
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

test('P8 H9 H11: three schedulers on four shards with one level, two and four: each goes once', async () => {
  await seeds('pool', { kills: true }, { shards: 4 }, ['a', 'b', 'c'])
  await seeds('one level', { kills: true }, { levels: SHORT.slice(2) })
  await seeds('four levels', { kills: true }, { levels: [...SHORT, { name: 'tiny', lengthMs: 1_000 }] })
}, 480_000)
