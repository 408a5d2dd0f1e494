import { expect, test } from 'vitest'
import { examineCorrupt } from '../../src/cli/doctor-corrupt.ts'
import { examineSegment } from '../../src/cli/doctor-segments.ts'
import { examineTree } from '../../src/cli/doctor-tree.ts'
import type { Queue } from '../../src/index.ts'
import { readIdentity } from '../../src/spool/spool-identity.ts'
import type { Files } from '../../src/system/files.ts'
import { SimFiles, type SimNode, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { SOAK } from '../soak.ts'
import { SimNodes, SPOOL } from './sim-nodes.ts'
import { layout, stagesOf } from './stages.ts'

const NAMES = ['berlin', 'tokyo'] as const
const SEED = Number(process.env.DROPR_SEED ?? 3)
/** Of 10 deaths each, so that no disk grows large. */
const WORLDS = SOAK ? 50 : 10

/** The machine as it is at this moment, for readers who take no time. */
function frozen(machine: SimNode): System {
  const files = new SimFiles()
  files.restore(machine.disk.snapshot())
  const { clock, watch, sockets, random, log } = machine.process('reader')
  return { clock, watch, sockets, random, log, files }
}

async function filesBelow(files: Files, folder: string): Promise<string[]> {
  const found: string[] = []
  for (const { name, kind } of await files.list(folder)) {
    const place = `${folder}/${name}`
    if (kind === 'folder') found.push(...(await filesBelow(files, place)))
    else found.push(place.slice(SPOOL.length + 1))
  }
  return found
}

test('B2: ls tells each stage of a message, here and there, and every file lies where docs/ARCHITECTURE.md draws it', async () => {
  const nodes = new SimNodes({ seed: 2, names: NAMES })
  const [berlin, tokyo] = [await nodes.queue('berlin'), await nodes.queue('tokyo')]
  const drawn = layout()
  const stages = async (id: string) => {
    const told: string[] = []
    for (const name of NAMES) {
      const system = frozen(nodes.machine(name))
      told.push((await stagesOf(system, SPOOL)).get(id)?.join(', ') ?? 'nothing')
      expect((await filesBelow(system.files, SPOOL)).filter(file => !drawn.test(file))).toEqual([])
    }
    return told
  }
  expect(await stages('m')).toEqual(['nothing', 'nothing'])
  await nodes.until(berlin.sendMessage('x', { id: 'm', to: 'tokyo' }))
  expect(await stages('m')).toEqual(['outbox pending', 'nothing'])
  const owner = await nodes.server('tokyo')
  await nodes.client('berlin')
  while (owner.depth() === 0) await nodes.clock.advance(10)
  await nodes.clock.advance(1_000)
  expect(await stages('m')).toEqual(['outbox acked', 'inbox pending'])
  const message = (await nodes.until(tokyo.poll({ wait: 5_000 })))!
  await nodes.clock.advance(1_000)
  expect(await stages('m')).toEqual(['outbox acked', 'inbox leased'])
  await nodes.until(message.ack())
  expect(await stages('m')).toEqual(['outbox acked', 'inbox done'])
})

/** What `dropr doctor` warns of in the files; its notes (a torn tail is what a crash looks like) are counted. */
async function doctor(system: System, notes: Map<string, number>): Promise<string[]> {
  const { id } = (await readIdentity(system.files, SPOOL))!
  const { findings, segments } = await examineTree(system.files, SPOOL)
  findings.push(...(await examineCorrupt(system.files, `${SPOOL}/corrupt`)))
  for (const segment of segments) findings.push(...(await examineSegment(system, segment, id)))
  return findings.flatMap(({ level, kind, path: at, what }) => {
    notes.set(kind, (notes.get(kind) ?? 0) + 1)
    return level === 'note' ? [] : [`${level} ${kind} ${at} ${what}`]
  })
}

/** Sends, takes and acknowledges for as long as nobody says otherwise. */
async function work(nodes: SimNodes, random: SimRandom, queues: Queue[], sent: string[], over: () => boolean) {
  const [berlin, tokyo] = queues as [Queue, Queue]
  const send = async () => {
    while (!over()) {
      sent.push((await berlin.sendMessage('x', { to: 'tokyo' })).id)
      await nodes.clock.sleep(random.between(0, 10))
    }
  }
  const take = async () => {
    while (!over()) {
      const messages = await tokyo.poll({ max: 3, wait: 100, lease: 1_000 }).catch(() => [])
      for (const message of messages) if (random.chance(0.9)) await message.ack().catch(() => undefined)
    }
  }
  await Promise.all([send(), take()])
}

/** Where a message may be, here and there. What is stored there may not yet be known here to be; what is acknowledged here is there. */
const STAGES = new Set([
  'outbox pending, nothing',
  ...['outbox pending', 'outbox acked'].flatMap(here =>
    ['inbox pending', 'inbox leased', 'inbox done'].map(there => `${here}, ${there}`)
  )
])

test('B3: a daemon is killed at 100 random points (500 in the soak): each message is in exactly one stage, and doctor has nothing to say', async () => {
  const seen = new Map<string, number>()
  const notes = new Map<string, number>()
  let points = 0
  for (let world = 0; world < WORLDS; world++) {
    const random = new SimRandom(`stages ${SEED} ${world}`)
    const nodes = new SimNodes({
      seed: SEED * 1_000 + world,
      names: NAMES,
      limits: { retryMsMin: 10, scanMs: 100 }
    })
    const queues = [await nodes.queue('berlin'), await nodes.queue('tokyo')]
    const starts = { client: () => nodes.client('berlin'), server: () => nodes.server('tokyo') }
    await starts.server()
    await starts.client()
    const sent: string[] = []
    let over = false
    const working = work(nodes, random, queues, sent, () => over)
    for (let n = 0; n < 10; n++, points++) {
      const [name, role] = random.pick([['berlin', 'client'] as const, ['tokyo', 'server'] as const])
      await nodes.clock.advance(random.between(0, 40))
      nodes.machine(name).process(role).kill()
      const systems = NAMES.map(each => frozen(nodes.machine(each)))
      const [here, there] = [await stagesOf(systems[0]!, SPOOL), await stagesOf(systems[1]!, SPOOL)]
      const wrong: string[] = []
      for (const id of sent) {
        const [mine, theirs] = [here.get(id)?.join(' and ') ?? 'nothing', there.get(id)?.join(' and ') ?? 'nothing']
        const where = `${mine}, ${theirs}`
        seen.set(where, (seen.get(where) ?? 0) + 1)
        if (!STAGES.has(where)) wrong.push(`${id}: ${where}`)
      }
      expect(wrong, `seed ${SEED}, world ${world}, point ${n}`).toEqual([])
      expect([...there.keys()].filter(id => !here.has(id))).toEqual([])
      expect(await doctor(systems[NAMES.indexOf(name)]!, notes)).toEqual([])
      if (role === 'server') nodes.down.add('tokyo')
      await starts[role]()
      nodes.down.delete('tokyo')
    }
    over = true
    await nodes.until(working)
  }
  expect(points).toBe(WORLDS * 10)
  // All of them, so that the deaths came in the middle of things.
  expect([...seen.keys()].toSorted()).toEqual([...STAGES].toSorted())
  expect(notes.get('torn')).toBeGreaterThan(0)
}, 300_000)
