import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SimContent } from '../../src/system/sim/sim-content.ts'
import { SimRandom } from '../../src/system/sim/sim-random.ts'

const BYTES_MAX = 2_000

const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), at: fc.nat(BYTES_MAX), count: fc.integer({ min: 1, max: 700 }) }),
  fc.record({
    do: fc.constant('writeSynced' as const),
    at: fc.nat(BYTES_MAX),
    count: fc.integer({ min: 1, max: 700 })
  }),
  fc.record({ do: fc.constant('sync' as const) }),
  fc.record({ do: fc.constant('failedSync' as const) }),
  fc.record({ do: fc.constant('crash' as const), seed: fc.nat() })
)

test('whatever is written, synced and cut off: synced bytes stay, and a byte is never anything but old, new or zero', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), steps => {
      const content = new SimContent()
      /** What the disk must give back, and what it may instead. */
      let sure = new Map<number, number>()
      let maybe = new Map<number, number>()
      let value = 0
      for (const now of steps) {
        if (now.do === 'write' || now.do === 'writeSynced') {
          value = (value % 255) + 1
          content.write(now.at, Buffer.alloc(now.count, value))
          const target = now.do === 'write' ? maybe : sure
          for (let at = now.at; at < now.at + now.count; at++) {
            target.set(at, value)
            if (target === sure) maybe.delete(at)
          }
          if (now.do === 'writeSynced') content.syncRange(now.at, now.at + now.count)
        } else if (now.do === 'sync') {
          content.syncAll()
          for (const [at, byte] of maybe) sure.set(at, byte)
          maybe.clear()
        } else if (now.do === 'failedSync') {
          content.forget()
          maybe.clear()
        } else {
          content.crash(new SimRandom(now.seed), 'random')
          const bytes = content.seen()
          // One expectation a crash: one a byte takes seconds.
          const lost = [...sure.keys()].filter(at => at >= bytes.length)
          const strange = [...bytes.keys()].filter(at => {
            const old = sure.get(at) ?? 0
            return bytes[at] !== old && bytes[at] !== (maybe.get(at) ?? old)
          })
          expect({ lost, strange }).toEqual({ lost: [], strange: [] })
          sure = new Map([...bytes].entries())
          maybe = new Map()
        }
      }
    }),
    { numRuns: 300, seed: 1 }
  )
})
