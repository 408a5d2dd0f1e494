import { afterEach, beforeEach, expect, test } from 'vitest'
import { SOAK } from '../soak.ts'
import { RealWorld } from './real-world.ts'

let world: RealWorld

beforeEach(() => {
  world = new RealWorld()
})
afterEach(() => world.end(), 60_000)

/** The row: 20 MB for the 900,000 messages after the first 100,000. In every run fewer, and less. */
const COUNT = SOAK ? 1_000_000 : 60_000
const SETTLED = SOAK ? 100_000 : 20_000
const GROWN_BYTES_MAX = SOAK ? 20_000_000 : 2_000_000

/** Both nodes are in one process, with the wire between them: what daemons do for weeks. Segments come and go. */
const PROGRAM = `
  import { setFlagsFromString } from 'node:v8'
  import { runInNewContext } from 'node:vm'
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  const [folder, count, settled] = [args[0], Number(args[1]), Number(args[2])]
  const limits = { segmentBytesMax: 1_048_576, retentionMs: 0, idMemoryMs: 60_000, scanMs: 200 }
  const tokyo = await startNode({ spool: folder + '/tokyo', node: 'tokyo', config: { listen: 0, limits } })
  const peers = { tokyo: 'http://' + tokyo.listen }
  const berlin = await startNode({ spool: folder + '/berlin', node: 'berlin', config: { listen: 0, peers, limits } })
  const bytes = () => {
    for (let i = 0; i < 3; i++) gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  let before = 0
  for (let n = 0; n < count; n += 1_000) {
    if (n === settled) before = bytes()
    const bodies = Array.from({ length: 1_000 }, (_, i) => String(n + i).padEnd(100, '.'))
    await berlin.queue.sendMessages(bodies, { to: 'tokyo', durability: 'buffered' })
    for (let got = 0; got < 1_000; ) {
      const messages = await tokyo.queue.poll({ max: 1_000, wait: '60s' })
      if (messages.length === 0) throw new Error('only ' + (n + got) + ' came')
      await Promise.all(messages.map((message, i) => {
        if (Number.parseInt(message.body) !== n + got + i) throw new Error('out of order at ' + (n + got + i))
        return message.ack()
      }))
      got += messages.length
    }
  }
  console.log(JSON.stringify({ before, after: bytes() }))
  await berlin.close()
  await tokyo.close()`

test('C26: 60,000 messages (a million in the soak) through the client, the wire and the server of one process leave its heap as it was after the first of them', async () => {
  const program = world.program(PROGRAM, { args: [world.folder, String(COUNT), String(SETTLED)] })
  expect(await program.ended, program.stderr).toBe(0)
  const { before, after } = JSON.parse(program.stdout)
  expect(before).toBeGreaterThan(1_000_000)
  expect(after - before, `${before} bytes, then ${after}`).toBeLessThan(GROWN_BYTES_MAX)
}, 900_000)
