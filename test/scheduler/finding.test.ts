import { expect, test } from 'vitest'
import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import { addToFilter, filterBytes, mayHold } from '../../src/scheduler/filter.ts'
import { findById } from '../../src/scheduler/finder.ts'
import { hashesOfId } from '../../src/scheduler/hash.ts'
import type { Held } from '../../src/scheduler/held.ts'
import { openHeld } from '../../src/scheduler/held-file.ts'
import { listHeld } from '../../src/scheduler/listing.ts'
import { OpenSegment } from '../../src/scheduler/open-segment.ts'
import { summaryBytes } from '../../src/scheduler/summary.ts'
import { FOOT_FROM_END, ROWS_PER_PAGE } from '../../src/scheduler/tables.ts'
import type { Files } from '../../src/system/files.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimClock, SimFiles, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { filesWith, openSpool } from './desk.ts'

const SEGMENTS = 60
const ROWS = 3 * ROWS_PER_PAGE + 7
const DAY = 86_400_000
const FROM = Date.parse('2027-03-01T00:00:00Z')

/** Reads of files, counted. */
function counted(files: Files): { files: Files; count: { reads: number; bytes: number } } {
  const count = { reads: 0, bytes: 0 }
  const open: Files['open'] = async path => {
    const file = await files.open(path)
    const read = (into: Uint8Array, position: number) => {
      count.reads++
      count.bytes += into.length
      return file.read(into, position)
    }
    return { read, bytes: () => file.bytes(), close: () => file.close() }
  }
  return { files: filesWith(files, { open }), count }
}

/** Many sealed segments, each with messages of all times of the same day, as a day bucket has them. */
async function held(segments: number) {
  const random = new SimRandom('finding')
  const disk = new SimFiles({ random: random.fork('disk') })
  const { files, count } = counted(disk)
  const system = { clock: new SimClock(), random, files, log: silentLog } as unknown as System
  const spool = await openSpool(system)
  const ids = new Ids(system.clock, system.random)
  const all: { id: string; due: number }[] = []
  const paths: Held[] = []
  for (let n = 0; n < segments; n++) {
    const where = { folder: '/s/schedule/day/2027-03-01', level: 'day', writer: 'w1' }
    const segment = await OpenSegment.create(spool, where)
    for (let i = 0; i < ROWS; i++) {
      const due = FROM + ((i * 7_919 + n * 104_729) % 86_400) * 1_000
      const draft: Draft = {
        kind: 'text',
        body: 'x',
        sentAt: FROM,
        due: { at: due, to: 't', channel: 'c', priority: 4 }
      }
      // Each tenth has an id of the caller's.
      if (i % 10 === 0) draft.id = `order-${n}-${i}`
      const id = draft.id ?? ids.next()
      const into = Buffer.alloc(messageBytesMost(draft))
      segment.add(into.subarray(0, encodeMessage(draft, ids, into, 0)))
      all.push({ id, due })
    }
    await segment.commit()
    await segment.seal()
    paths.push(segment.held)
  }
  const reopen = async () => {
    const found: Held[] = []
    for (const { path, n } of paths) found.push((await openHeld(spool, { path, writer: 'w1', n }, 'day'))!)
    return found
  }
  return { disk, spool, all, count, reopen }
}

test('an id is found, and one that is not there is not, with a few reads however many segments there are', async () => {
  const { spool, all, count, reopen } = await held(SEGMENTS)
  const segments = await reopen()
  const looked = all.filter((_, i) => i % 997 === 0)
  count.reads = count.bytes = 0
  for (const { id, due } of looked) {
    const found = await findById(spool, segments, id)
    expect(found.map(one => [one.stored.id, one.due])).toEqual([[id, due]])
  }
  // A page of ids, one of rows, the message; and where a filter, or a place that was reckoned, was wrong.
  expect(count.reads / looked.length).toBeLessThan(6)
  count.reads = 0
  for (let i = 0; i < 50; i++) expect(await findById(spool, segments, `never-${i}`)).toEqual([])
  expect(count.reads / 50).toBeLessThan(SEGMENTS / 30)
})

test('H20: a page of the list out of the middle of 46,000 reads one page of each segment and its own messages, and takes less than 50 ms of the processor', async () => {
  const { spool, all, count, reopen } = await held(SEGMENTS)
  const segments = await reopen()
  count.reads = count.bytes = 0
  const from = FROM + 0.4 * DAY
  const { messages } = await listHeld(spool, segments, { from, limit: 50 })
  const expected = all.map(({ due }) => due).filter(due => due >= from)
  expect(messages.map(({ dueAt }) => dueAt)).toEqual(expected.sort((a, b) => a - b).slice(0, 50))
  expect(count.reads).toBeLessThanOrEqual(SEGMENTS + 50)
  expect(all.length).toBeGreaterThan(46_000)
  const busyUs: number[] = []
  for (let n = 0; n < 7; n++) {
    const before = process.cpuUsage()
    await listHeld(spool, segments, { from, limit: 50 })
    const { user, system } = process.cpuUsage(before)
    busyUs.push(user + system)
  }
  expect(Math.min(...busyUs)).toBeLessThan(50_000)
})

test('a summary with any damaged byte is left aside, and what the tables say counts', async () => {
  const { disk, spool, all, reopen } = await held(1)
  const { path } = (await reopen())[0]!
  const bytes = disk.peek(path)!.length
  const begin = bytes - FOOT_FROM_END - summaryBytes(ROWS, ROWS_PER_PAGE)
  const wrong: object[] = []
  for (let at = begin; at < bytes - FOOT_FROM_END; at += 41) {
    disk.flip(path, at, at % 8)
    const segments = await reopen()
    const leftAside = segments[0]!.foot !== undefined && segments[0]!.summary === undefined
    const found: number[] = []
    for (const { id } of [all[10]!, all[511]!]) found.push((await findById(spool, segments, id)).length)
    found.push((await listHeld(spool, segments, { from: FROM + DAY / 2, limit: 5 })).messages.length)
    // Once for all: an `expect` for each took a third of the time.
    if (!leftAside || found.join(' ') !== '1 1 5') wrong.push({ at, leftAside, found })
    disk.flip(path, at, at % 8)
  }
  expect(wrong).toEqual([])
  expect((await reopen())[0]!.summary).toBeDefined()
})

test('a filter never denies an id that was added, and seldom shows one that was not', () => {
  for (const count of [1, 2, 7, 300, 32_768]) {
    const filter = new Uint8Array(filterBytes(count))
    for (let i = 0; i < count; i++) addToFilter(filter, ...hashesOfId(`m${i}`)[0]!)
    for (let i = 0; i < count; i++) expect(mayHold(filter, ...hashesOfId(`m${i}`)[0]!)).toBe(true)
    let wrong = 0
    for (let i = 0; i < 10_000; i++) if (mayHold(filter, ...hashesOfId(`n${i}`)[0]!)) wrong++
    if (count > 2) expect(wrong).toBeLessThan(300)
  }
})
