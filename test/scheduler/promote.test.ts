import { expect, test } from 'vitest'
import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import { Scheduler } from '../../src/scheduler/index.ts'
import { OpenSegment, SEGMENT_BYTES_MAX } from '../../src/scheduler/open-segment.ts'
import type { AppendFile, Files } from '../../src/system/files.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { filesWith, openSpool } from './desk.ts'

const MINUTE = 60_000
const HOUR = 3_600_000
const BODY = Buffer.alloc(32_768)

/** The hour that begins in an hour, of so many full segments, is promoted. Returns the most that was read and not yet written. */
async function promoted(segments: number): Promise<{ moved: number; most: number }> {
  const world = new SimWorld({ seed: `promote ${segments}`, latencyMs: [0.1, 0.1] })
  const { clock } = world
  const node = world.node('berlin')
  const spool = await clock.until(openSpool(node.process('bulk')))
  const ids = new Ids(spool.system.clock, spool.system.random)
  const begin = Math.ceil((clock.now() + 1) / HOUR) * HOUR
  const folder = `/s/schedule/hour/${new Date(begin).toISOString().slice(0, 13)}`
  let count = 0
  for (let n = 0; n < segments; n++) {
    const segment = await clock.until(OpenSegment.create(spool, { folder, level: 'hour', writer: 'bulk' }))
    while (!segment.full) {
      const due = { at: begin + ((count++ * 7_919) % HOUR), to: 't', channel: 'c', priority: 4 }
      const draft: Draft = { kind: 'bytes', body: BODY, sentAt: clock.now(), due }
      ids.next()
      const into = Buffer.allocUnsafe(messageBytesMost(draft))
      segment.add(into.subarray(0, encodeMessage(draft, ids, into, 0)))
    }
    await clock.until(segment.commit())
    await clock.until(segment.seal())
  }
  const flow = { held: 0, most: 0, moved: 0 }
  const { clock: own, random, watch, sockets, log, files } = node.process('one')
  const system: System = { clock: own, random, watch, sockets, log, files: counted(files, flow) }
  await clock.advance(begin - 1.5 * MINUTE - clock.now())
  const scheduler = await clock.until(Scheduler.start({ spool: await clock.until(openSpool(system)) }))
  await clock.advance(MINUTE)
  const [status] = scheduler.status().shards
  expect(status).toMatchObject({ promoted: segments, held: count, fired: 0 })
  await clock.until(scheduler.close())
  return flow
}

/** Bytes that were read of the hour, and are not yet written to its minutes. */
function counted(files: Files, flow: { held: number; most: number; moved: number }): Files {
  const open: Files['open'] = async path => {
    const file = await files.open(path)
    if (!path.includes('/hour/')) return file
    const read = (into: Uint8Array, position: number) => {
      flow.held += into.length
      flow.most = Math.max(flow.most, flow.held)
      return file.read(into, position)
    }
    return { read, bytes: () => file.bytes(), close: () => file.close() }
  }
  const create: Files['create'] = async path => {
    const file = await files.create(path)
    return path.includes('/minute/') ? watched(file, flow) : file
  }
  return filesWith(files, { open, create })
}

function watched(file: AppendFile, flow: { held: number; moved: number }): AppendFile {
  const writeSynced = async (chunks: Uint8Array[], position: number) => {
    await file.writeSynced(chunks, position)
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    flow.held -= bytes
    flow.moved += bytes
  }
  return {
    write: (chunks, position) => file.write(chunks, position),
    writeSynced,
    sync: () => file.sync(),
    preallocate: (from, to) => file.preallocate(from, to),
    close: () => file.close()
  }
}

test('H7: a bucket is promoted a segment at a time: what is in memory does not grow with the bucket', async () => {
  const small = await promoted(1)
  const large = await promoted(4)
  expect(large.moved).toBeGreaterThan(3.5 * SEGMENT_BYTES_MAX)
  expect(small.most).toBeGreaterThan(SEGMENT_BYTES_MAX / 2)
  expect(large.most).toBeLessThan(1.2 * small.most)
  expect(large.most).toBeLessThan(1.2 * SEGMENT_BYTES_MAX)
})
