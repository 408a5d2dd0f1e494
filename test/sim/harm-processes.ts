import type { SimRandom } from '../../src/system/sim/index.ts'
import type { Seat } from './seat.ts'
import type { Site } from './site.ts'

/** Which process most likely makes calls on which paths. */
const AIMS: readonly { path: RegExp; seat: RegExp }[] = [
  { path: /\/inbox\//, seat: /^server/ },
  { path: /\/dead\//, seat: /^server|^client/ },
  { path: /\/acked\//, seat: /^client/ },
  { path: /\/outbox\//, seat: /^sender|^client/ },
  { path: /\/schedule\//, seat: /^scheduler|^later/ },
  { path: /\/run\//, seat: /^server|^consumer/ },
  { path: /./, seat: /./ }
]

export function killOne(site: Site, random: SimRandom): void {
  random.pick(site.seats).kill(againMs(random))
}

export function killServer(site: Site, random: SimRandom): void {
  site.seats.find(seat => seat.name === 'server')?.kill(againMs(random))
}

/** Kills at one of the next calls on certain files, in the middle of it. */
export function killAtCall(site: Site, random: SimRandom): void {
  const { path, seat } = random.pick(AIMS)
  const seats = site.seats.filter(({ name }) => seat.test(name))
  if (seats.length === 0) return
  const victim: Seat = random.pick(seats)
  atCall(site, random, path, () => victim.kill(againMs(random)))
}

export function powerCut(site: Site, random: SimRandom): void {
  site.powerCut(random.pick([50, 500, 4_000]))
}

export function powerCutAtCall(site: Site, random: SimRandom): void {
  atCall(site, random, random.pick(AIMS).path, () => site.powerCut(random.pick([50, 1_000])))
}

/** The server dies in the middle of a write, the next one goes on from what it finds, then the power goes. */
export function killThenPowerCut(site: Site, random: SimRandom): void {
  const server = site.seats.find(({ name }) => name === 'server')
  atCall(site, random, /\/inbox\//, () => {
    server?.kill(1)
    site.world.clock.after(random.between(5, 600), () => site.powerCut(50))
  })
}

export function stopOne(site: Site, random: SimRandom): void {
  const seat = random.pick(site.seats)
  seat.stop()
  site.world.clock.after(random.pick([5, 300, 3_000, 15_000]), () => seat.continue())
}

export function termOne(site: Site, random: SimRandom): void {
  random.pick(site.seats).term(againMs(random))
}

/** The server goes for longer: an application becomes the inbox's owner, and hands over when it is back. */
export function serverAway(site: Site, random: SimRandom): void {
  const seat = site.seats.find(({ name }) => name === 'server')
  if (random.chance(0.5)) seat?.kill(random.between(3_000, 12_000))
  else seat?.term(random.between(3_000, 12_000))
}

function againMs(random: SimRandom): number {
  return random.pick([1, 30, 400, 2_000])
}

/** Calls `act` during one of the next calls on a path. */
function atCall(site: Site, random: SimRandom, path: RegExp, act: () => void): void {
  const { disk } = site.machine
  let left = 1 + random.int(25)
  // A rule that never strikes: it only counts.
  const rule = disk.failNext({
    call: 'any',
    code: 'EIO',
    path: called => {
      if (left > 0 && path.test(called) && --left === 0)
        site.world.clock.after(random.between(0, site.layout.latencyMs[1]), strike)
      return false
    }
  })
  const strike = () => {
    rule.remove()
    act()
  }
  site.world.clock.after(10_000, () => rule.remove())
}
