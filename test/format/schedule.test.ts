import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { decodeMessage, encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import { Cursor } from '../../src/scheduler/cursor.ts'
import { entriesOf, openHeld } from '../../src/scheduler/held-file.ts'
import type { HeldRow } from '../../src/scheduler/merge.ts'
import { takeMerged } from '../../src/scheduler/merge.ts'
import { OpenSegment } from '../../src/scheduler/open-segment.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimClock, SimFiles, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { openSpool } from '../scheduler/desk.ts'

/** Sealed bucket segments with their tables, without and with a summary: must never change. */
const FORMS = { plain: './bucket-v1.hex', summed: './bucket-v1-summary.hex' }
function golden(form: keyof typeof FORMS): Buffer {
  const path = fileURLToPath(new URL(FORMS[form], import.meta.url))
  return Buffer.from(readFileSync(path, 'latin1').replace(/\s/g, ''), 'hex')
}
const WHERE = { folder: '/s/schedule/day/2026-12-24', level: 'day', writer: 'w1' }
const DRAFTS: Draft[] = [
  {
    kind: 'text',
    body: 'later',
    sentAt: 1_700_000_000_000,
    due: { at: 1_798_124_400_000, to: 'tokyo', channel: 'größe', priority: 9 }
  },
  {
    kind: 'json',
    body: '{"a":1}',
    id: 'order-7',
    sentAt: 1_700_000_000_001,
    expiresAt: 1_798_124_500_000,
    headers: { h: 'v' },
    due: { at: 1_798_124_300_000, to: 'berlin', channel: 'common', priority: 0 }
  },
  {
    kind: 'bytes',
    body: Buffer.from([0, 255]),
    sentAt: 1_700_000_000_002,
    due: { at: 253_402_300_799_999, to: 'x', channel: 'c', priority: 4 }
  }
]

async function spoolOf() {
  const random = new SimRandom('golden')
  const files = new SimFiles({ random: random.fork('disk') })
  const system = { clock: new SimClock(), random, files, log: silentLog } as unknown as System
  return { files, system, spool: await openSpool(system) }
}

async function written() {
  const { files, system, spool } = await spoolOf()
  const ids = new Ids(system.clock, system.random)
  const segment = await OpenSegment.create(spool, WHERE)
  for (const draft of DRAFTS) {
    const into = Buffer.alloc(messageBytesMost(draft))
    if (draft.id === undefined) ids.next()
    segment.add(into.subarray(0, encodeMessage(draft, ids, into, 0)))
  }
  await segment.commit()
  await segment.seal()
  return files.peek(segment.held.path)!
}

test('this version writes bucket segments of form 1 with a summary', async () => {
  expect((await written()).toString('hex')).toBe(golden('summed').toString('hex'))
})

test.each(['plain', 'summed'] as const)(
  'this version reads a %s bucket segment of form 1, by its tables and without them',
  async form => {
    for (const whole of [true, false]) {
      const { files, spool } = await spoolOf()
      await spool.folders.ensure(WHERE.folder)
      const path = `${WHERE.folder}/w1-00000001.seg`
      files.plant(path, whole ? golden(form) : golden(form).subarray(0, -1))
      const held = (await openHeld(spool, { path, writer: 'w1', n: 1 }, 'day'))!
      expect([held.foot !== undefined, held.summary !== undefined, held.count, held.minDue, held.maxDue]).toEqual([
        whole,
        whole && form === 'summed',
        3,
        1_798_124_300_000,
        253_402_300_799_999
      ])
      const bounds = { until: Number.POSITIVE_INFINITY, rowsMax: 10, bytesMax: 1_000_000 }
      const rows: HeldRow[] = await takeMerged([new Cursor(spool, held)], bounds)
      const messages = (await entriesOf(spool, path, rows)).map(entry => decodeMessage(entry!, 0))
      expect(
        messages.map(({ due, id, expiresAt, headers }) => ({ due, id, expiresAt, headers: { ...headers } }))
      ).toEqual(
        [1, 0, 2].map(i => ({
          due: DRAFTS[i]!.due,
          id: DRAFTS[i]!.id ?? messages[i === 0 ? 1 : 2]!.id,
          expiresAt: DRAFTS[i]!.expiresAt,
          headers: DRAFTS[i]!.headers ?? {}
        }))
      )
    }
  }
)
