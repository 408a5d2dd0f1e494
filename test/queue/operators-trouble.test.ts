import { expect, test } from 'vitest'
import type { Queue } from '../../src/queue/queue.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

const CALLS = ['open', 'pread', 'list'] as const
const ASKED: Readonly<Record<string, (queue: Queue) => Promise<unknown>>> = {
  'cancel what waits for a peer': queue => queue.purge({ ids: ['away'], peer: 'tokyo' }),
  purge: queue => queue.purge({ ids: ['here'] }),
  hold: queue => queue.hold('here'),
  pause: queue => queue.pause('common'),
  'list the dead': queue => queue.dead.list(),
  'show a dead one': queue => queue.dead.show('gone'),
  redrive: queue => queue.dead.redrive({ ids: ['gone'] }),
  clean: queue => queue.clean()
}

test.each(Object.keys(ASKED))('P10: %s: says what the disk said, typed, or does it', async what => {
  let failed = 0
  for (const call of CALLS)
    for (let after = 0; after < 6; after++) {
      const sim = new SimNodes({ seed: 1, names: ['berlin', 'tokyo'], limits: { scanMs: 60_000, attemptsMax: 1 } })
      const queue = await sim.queue('berlin')
      await sim.until(queue.sendMessage('x', { id: 'gone' }))
      await sim.until((await sim.until(queue.poll({ wait: 1_000 })))!.reject('no'))
      await sim.until(queue.sendMessage('x', { id: 'away', to: 'tokyo' }))
      await sim.until(queue.sendMessage('x', { id: 'here' }))
      await sim.clock.advance(100)
      sim.machine('berlin').disk.failNext({ call, code: 'ENOSPC', after, times: 100 })
      const answer = await sim.until(ASKED[what]!(queue).catch((error: unknown) => error))
      if (!(answer instanceof Error)) continue
      failed++
      expect(answer).toMatchObject({ code: 'DISK_FULL' })
    }
  if (what !== 'pause') expect(failed).toBeGreaterThan(0)
})
