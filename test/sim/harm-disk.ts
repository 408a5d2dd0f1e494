import type { SimCall, SimRandom } from '../../src/system/sim/index.ts'
import type { Site } from './site.ts'

const CALLS: readonly SimCall[] = [
  'any',
  'writeSynced',
  'write',
  'sync',
  'syncFolder',
  'create',
  'open',
  'pread',
  'list',
  'link',
  'remove',
  'makeFolder',
  'stat',
  'close'
]

/** One to a few calls of a kind fail, some of them only after others went well. */
export function failCalls(site: Site, random: SimRandom): void {
  const call = random.pick(CALLS)
  const code = random.pick(['EIO', 'EIO', 'ENOSPC'])
  const rule = site.machine.disk.failNext({ call, code, after: random.int(10), times: random.pick([1, 1, 3, 20]) })
  site.trace.note(`${site.name}: ${call} will fail with ${code}`)
  site.world.clock.after(random.between(100, 5_000), () => rule.remove())
}

export function failSyncs(site: Site, random: SimRandom): void {
  const path = random.pick([/\/inbox\//, /\/outbox\//, /\/acked\//, /\/schedule\//, /./])
  const call = random.pick(['writeSynced', 'writeSynced', 'syncFolder', 'sync'] as const)
  const rule = site.machine.disk.failNext({ call, code: 'EIO', path: at => path.test(at), times: 1 + random.int(3) })
  site.trace.note(`${site.name}: ${call} on ${String(path)} will fail`)
  site.world.clock.after(5_000, () => {
    if (rule.hits > 0) site.sometimes.saw('failed sync', rule.hits)
    rule.remove()
  })
}

/** A write to the inbox is there but fails to be synced; soon after the owner dies, and the next one reads it. */
export function failSyncThenKill(site: Site, random: SimRandom): void {
  const rule = site.machine.disk.failNext({
    call: 'writeSynced',
    code: 'EIO',
    path: at => at.includes('/inbox/'),
    after: random.int(4)
  })
  site.world.clock.after(random.between(100, 3_000), () => {
    rule.remove()
    if (rule.hits === 0) return
    site.sometimes.saw('failed sync')
    site.seats.find(({ name }) => name === 'server')?.kill(1)
  })
}

/** Each call fails with some probability, for a while. */
export function badSectors(site: Site, random: SimRandom): void {
  const { faults } = site.machine.disk
  faults.chance = random.pick([0.002, 0.02, 0.2])
  site.trace.note(`${site.name}: calls fail with probability ${faults.chance}`)
  site.world.clock.after(random.between(500, 5_000), () => {
    faults.chance = 0
  })
}

export function diskFull(site: Site, random: SimRandom): void {
  const { disk } = site.machine
  disk.capacityBytes = disk.disk.bytesUsed + random.pick([0, 100, 3_000, 40_000])
  site.trace.note(`${site.name}: the disk is nearly full`)
  const rule = disk.failNext({
    call: 'any',
    code: 'EIO',
    path: () => {
      if (disk.freeBytes() < 50) site.sometimes.saw('disk full')
      return false
    }
  })
  site.world.clock.after(random.between(500, 8_000), () => {
    rule.remove()
    disk.capacityBytes = Number.POSITIVE_INFINITY
  })
}

export function readOnly(site: Site, random: SimRandom): void {
  const { disk } = site.machine
  disk.readOnly = true
  site.trace.note(`${site.name}: the disk is read-only`)
  site.world.clock.after(random.between(200, 5_000), () => {
    disk.readOnly = false
  })
}

export function fewHandles(site: Site, random: SimRandom): void {
  const { disk } = site.machine
  disk.handlesMax = random.pick([0, 2, 6])
  site.trace.note(`${site.name}: ${disk.handlesMax} files a process`)
  site.world.clock.after(random.between(200, 5_000), () => {
    disk.handlesMax = Number.POSITIVE_INFINITY
  })
}

export function stepClock(site: Site, random: SimRandom): void {
  const ms = random.pick([-3_600_000, -5_000, -700, 900, 30_000, 3_600_000, 86_400_000, -86_400_000])
  // Days do not add up to more than the memory of ids holds.
  if (Math.abs(site.machine.clockOffsetMs + ms) < 2 * 86_400_000) site.stepClock(ms)
}

export function mendDisk(site: Site): void {
  const { disk } = site.machine
  disk.faults.clear()
  disk.readOnly = false
  disk.handlesMax = Number.POSITIVE_INFINITY
  disk.capacityBytes = Number.POSITIVE_INFINITY
}
