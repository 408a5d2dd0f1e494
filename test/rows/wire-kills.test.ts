import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SOAK } from '../soak.ts'
import { numbers, QUICK, RealWorld, type TakenMessage, take, until } from './real-world.ts'
import { layout, stagesOf } from './stages.ts'

/** The receiver dies so often between store and reply; as often, and the sender's daemon too, at a call of the file system. */
const KILLS = SOAK ? 300 : 20
const CALLS = SOAK ? 100 : 4
const LOOKS = 20

const world = new RealWorld()
let sent = 0
let taken: TakenMessage[] = []
let acked = 0
let looks = 0
const misplaced: string[] = []

/** Each message is in one place on each disk, and none has gone from here that is not there. */
async function look(ids: ReadonlySet<string>): Promise<void> {
  const here = await stagesOf(nodeSystem(), world.spool('berlin'))
  // Later: what was acknowledged a moment ago is there.
  const there = await stagesOf(nodeSystem(), world.spool('tokyo'))
  for (const id of ids) {
    const [mine = [], theirs = []] = [here.get(id), there.get(id)]
    const known = mine.length === 1 && theirs.length <= 1 && (mine[0] === 'outbox pending' || theirs.length === 1)
    if (!known) misplaced.push(`look ${looks}: ${id}: ${[...mine, ...theirs].join(', ')}`)
  }
  looks++
}

/** One run for the whole file: 1 KiB a range, so that every answer stands for few messages and every death hits one. */
beforeAll(
  async () => {
    const tokyo = await world.up('tokyo', {
      roles: 'server',
      config: { limits: QUICK },
      deaths: { server: { reply: KILLS, call: CALLS } }
    })
    const berlin = await world.up('berlin', {
      roles: 'client',
      config: { peers: { tokyo: tokyo.url }, limits: { ...QUICK, rangeBytesMax: 1_024, answerMsMax: 1_000 } },
      deaths: { client: { call: CALLS } }
    })
    const app = await world.queue('berlin')
    const ids = new Set<string>()
    const deaths = () =>
      world.deathsOf('server', 'reply', 'tokyo') +
      world.deathsOf('server', 'call', 'tokyo') +
      world.deathsOf('client', 'call', 'berlin')
    while (deaths() < KILLS + 2 * CALLS) {
      const before = deaths()
      const receipts = await app.sendMessages(
        numbers(20, sent).map(body => `${body} ${'x'.repeat(100)}`),
        { to: 'tokyo', channel: 'c' }
      )
      sent += 20
      for (const { id } of receipts) ids.add(id)
      await until(() => deaths() > before, 500).catch(() => undefined)
      // In the soak after every one of 500.
      if (SOAK || looks < LOOKS) await look(ids)
    }
    await app.close()
    const inbox = await world.queue('tokyo')
    taken = await take(inbox, 'c', sent, 15_000)
    await until(() => berlin.peer('tokyo')?.streams === 0)
    acked = berlin.peer('tokyo').acked
    // What comes once more would be here now.
    taken.push(...(await take(inbox, 'c', 1, 0)))
  },
  SOAK ? 1_800_000 : 600_000
)
afterAll(() => world.end(), 60_000)

test('D3: with the receiver killed between store and reply, time and again, nothing that the sender took for acknowledged is missing', () => {
  expect(world.deathsOf('server', 'reply', 'tokyo')).toBe(KILLS)
  expect(acked).toBeGreaterThan(0)
  expect(new Set(taken.map(message => message.id)).size).toBe(sent)
})

test('P2 P4: what was stored and not answered for is sent again and enters the inbox once, in order', () => {
  expect(taken.map(message => message.body.split(' ')[0])).toEqual(numbers(sent))
  expect(taken.filter(message => message.deliveries !== 1)).toEqual([])
})

test('PROC-2: client daemon and server killed at calls of the file system, wherever, go on without a hand', () => {
  expect([world.deathsOf('server', 'call', 'tokyo'), world.deathsOf('client', 'call', 'berlin')]).toEqual([
    CALLS,
    CALLS
  ])
  expect(taken.length).toBe(sent)
})

test('B2: in the spools of real daemons every file lies where docs/ARCHITECTURE.md draws it', () => {
  const drawn = layout()
  for (const name of ['berlin', 'tokyo']) {
    const found = readdirSync(world.spool(name), { recursive: true, withFileTypes: true })
    const files = found.filter(each => !each.isDirectory()).map(each => path.join(each.parentPath, each.name))
    expect(files.length).toBeGreaterThan(5)
    expect(files.map(file => path.relative(world.spool(name), file)).filter(file => !drawn.test(file))).toEqual([])
  }
})

test('B3: after each of 20 deaths of real daemons (500 in the soak) each message is in one stage here and in one there, and what was acknowledged is there', () => {
  expect(looks).toBeGreaterThanOrEqual(LOOKS)
  expect(misplaced).toEqual([])
})
