import type { SimRandom } from '../../src/system/sim/index.ts'
import { audit } from './audit.ts'
import { checkDamaged, takeDamaged } from './damaged.ts'
import { checkDeadConsumer } from './dead-consumer.ts'
import { besideOthers } from './keys.ts'
import type { Sent } from './ledger.ts'
import { outOfOrder } from './order.ts'
import type { Simulation } from './simulation.ts'

/** All faults are gone: everything must have arrived so much later. */
const DRAIN_MS_MAX = 240_000
/** With what is not concerned by a fault, everything must arrive within this. */
const SPARED_MS_MAX = 40_000
/** What is due later than this is not waited for when all is mended: the clock steps. */
const SOON_MS = 10_000
/** After the last message was finished: whatever comes now is wrong. */
const QUIET_MS = 8_000

/** One round: faults, then none, then everything must have arrived, once, in order. */
export async function playRound(sim: Simulation, faultMs: number): Promise<void> {
  const { random, chaos, sites, checker } = sim
  const spared = random.chance(0.3) ? sparedNodes(sim) : new Set<string>()
  const gentle = spared.size > 0
  Object.assign(sim.sendMood, { on: true, everyMs: random.pick([400, 1_500, 5_000]), strange: random.chance(0.7) })
  Object.assign(sim.consumeMood, {
    bad: gentle ? 0 : random.pick([0, 0.05, 0.3]),
    workMsMax: random.pick([0, 10, gentle ? 10 : 300])
  })
  if (gentle) sim.sendMood.strange = false
  for (const desk of sim.operatorDesks) desk.redrives = random.chance(0.6)
  for (const site of sites) {
    watchRemovals(site)
    for (const seat of site.seats) seat.start()
  }
  chaos.begin(spared)
  if (gentle) killForGood(sim, spared, random)
  await sim.pass(faultMs)
  if (gentle) checkSpared(sim, spared)
  chaos.heal()
  for (const site of sites) for (const seat of site.seats) seat.start()
  Object.assign(sim.sendMood, { on: false, everyMs: 100 })
  Object.assign(sim.consumeMood, { bad: 0, workMsMax: 5 })
  if (!(await drained(sim))) checker.violated('life', await whatHangs(sim))
  await sim.pass(QUIET_MS)
  if (checker.violations.length === 0) await checkDeadConsumer(sim)
  await checkAll(sim)
}

/** All but one: what happens to that one must not concern them (P7). */
function sparedNodes(sim: Simulation): Set<string> {
  const victim = sim.random.pick(sim.sites)
  return new Set(sim.sites.filter(site => site !== victim).map(({ name }) => name))
}

/** The victim may also be dead all the time, or stand still. */
function killForGood(sim: Simulation, spared: ReadonlySet<string>, random: SimRandom): void {
  const victim = sim.sites.find(({ name }) => !spared.has(name))!
  const kind = random.int(3)
  if (kind === 0) victim.powerCut(40_000)
  if (kind === 1) for (const seat of victim.seats) seat.stop()
}

function checkSpared(sim: Simulation, spared: ReadonlySet<string>): void {
  const before = sim.world.clock.ticks() - SPARED_MS_MAX
  const late = sim.ledger
    .missing()
    .filter(({ from, to, resolvedAt, later }) => !later && spared.has(from) && spared.has(to) && resolvedAt! < before)
  if (late.length > 0) sim.checker.violated('P7', `a node in trouble holds up others: ${listed(late)}`)
}

async function drained(sim: Simulation): Promise<boolean> {
  const { clock } = sim.world
  const until = clock.ticks() + DRAIN_MS_MAX
  for (;;) {
    await sim.pass(1_000)
    if (sim.checker.violations.length > 0) return true
    const empty = sim.sites.every(
      ({ door, seats }) => door?.depth() === 0 && seats.every(seat => seat.running !== undefined)
    )
    if (empty) await takeDamaged(sim)
    if (empty && sim.desksAreEmpty()) {
      comeTime(sim)
      if (sim.ledger.missing().length > 0) await takeDead(sim)
      if (sim.ledger.missing().length === 0) return true
    }
    if (clock.ticks() > until) return false
  }
}

/** What is due long after now is due soon: the clocks step. */
function comeTime(sim: Simulation): void {
  for (const site of sim.sites) {
    const ours = sim.ledger.missing().filter(({ from, later }) => from === site.name && later !== undefined)
    const latest = Math.max(...ours.map(({ later }) => later!.latest))
    if (ours.length > 0 && latest > site.wall + SOON_MS) site.stepClock(latest - site.wall - SOON_MS / 2)
  }
}

async function whatHangs(sim: Simulation): Promise<string> {
  const missing = sim.ledger.missing()
  const seats = sim.sites.flatMap(site => site.seats.filter(seat => seat.running === undefined).map(seat => seat.who))
  const depths = sim.sites.map(site => `${site.name}: ${site.door?.depth() ?? 'no server'}`)
  const unheard = listed(sim.unheard())
  return `not drained ${DRAIN_MS_MAX} ms after all was mended. Missing: ${listed(missing)}. Not heard of: ${unheard}. Not running: ${seats.join(' ')}. In inboxes: ${depths.join(', ')}`
}

async function takeDead(sim: Simulation): Promise<void> {
  for (const site of sim.sites)
    for (const [token, why] of (await audit(site)).dead) {
      const sent = sim.ledger.get(token)!
      if (sent.redrives === 0) sent.dead ??= why
    }
}

async function checkAll(sim: Simulation): Promise<void> {
  const { checker, sites, sometimes, ledger } = sim
  for (const site of sites) {
    countFired(site)
    const found = await audit(site)
    sometimes.saw('torn tail', found.torn)
    sometimes.saw('duplicate id dropped', found.duplicates)
    sometimes.saw('dead letter', found.dead.size)
    checkDamaged(sim, site, found)
    for (const [token, why] of found.dead) checkDead(sim, ledger.get(token)!, why)
  }
  for (const { token, toldDead, dead, redrives, hits } of ledger.all)
    if (toldDead && !dead && redrives === 0 && hits.length === 0)
      checker.violated('P4', `#${token} is said to be dead, and no dead letter is there`)
  sometimes.saw('buffered lost', ledger.lost())
  for (const { lane, early, late } of outOfOrder(ledger.all))
    checker.violated('P6', `${lane}: #${early.token} was handed out before #${late.token}`)
  for (const { key, sent, other } of besideOthers(ledger.all))
    checker.violated('P6', `key ${key}: #${sent.token} came again after #${other.token}`)
}

function checkDead(sim: Simulation, sent: Sent, why: string): void {
  // Its letter stays, and says that it went.
  if (sent.redrives > 0) return
  sent.dead ??= why
  if (sent.hits.length > 0) return
  if (sent.finished?.verdict === 'ack')
    sim.checker.violated('P4', `#${sent.token} was acknowledged and is a dead letter`)
  // The same damage twice on the way is taken for the sender's own (docs/protocol.md).
  if ((why.startsWith('MESSAGE_MALFORMED') || sent.streamed) && sim.network.flips > 1) return
  if (sent.handOuts.length === 0 && sent.fate !== 'large' && sent.expiresAt === undefined)
    sim.checker.violated('P1', `#${sent.token} (${sent.fate}) is a dead letter (${why}) and nobody ever had it`)
}

function countFired({ schedulers, sometimes }: Simulation['sites'][number]): void {
  for (const scheduler of schedulers.splice(0))
    for (const { fired, late, promoted } of scheduler.status().shards) {
      sometimes.saw('handed over when due', fired)
      sometimes.saw('overdue', late)
      sometimes.saw('promoted', promoted)
    }
}

function watchRemovals(site: Simulation['sites'][number]): void {
  const path = (removed: string) => {
    if (removed.endsWith('.seg')) site.sometimes.saw('segment removed')
    return false
  }
  site.machine.disk.failNext({ call: 'remove', code: 'EIO', path })
}

function listed(messages: readonly Sent[]): string {
  const first = messages.slice(0, 5).map(({ token, from, to, channel }) => `#${token} ${from}>${to} ${channel}`)
  return `${messages.length} (${first.join(', ')})`
}
