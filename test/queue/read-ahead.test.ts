import { expect, test } from 'vitest'
import { encodeMessage, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { readRuns } from '../../src/queue/claimed.ts'
import { ReadFiles } from '../../src/queue/read-files.ts'
import type { ClaimRun } from '../../src/server/inbox-port.ts'
import type { Files } from '../../src/system/files.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'

const OLD = 10_000

/** One file in memory; every read of it is noted. */
class OneFile {
  readonly reads: [at: number, bytes: number][] = []
  bytes: Buffer
  failing: Error | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  files(): Files {
    const read = async (into: Uint8Array, position: number) => {
      this.reads.push([position, into.length])
      if (this.failing !== undefined) throw this.failing
      return this.bytes.copy(into, 0, position, position + into.length)
    }
    const open = async () => ({ read, bytes: async () => this.bytes.length, close: async () => undefined })
    return { open } as unknown as Files
  }
}

/** So many messages of one size, each a run of its own. */
function messages(count: number): { bytes: Buffer; runs: ClaimRun[] } {
  const clock = new SimClock()
  const ids = new Ids(clock, new SimRandom(1))
  const runs: ClaimRun[] = []
  const parts: Buffer[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const draft = { kind: 'text' as const, body: `message ${i} `.padEnd(250, '.'), sentAt: 0 }
    const into = Buffer.alloc(messageBytesMost(draft))
    ids.next()
    const bytes = encodeMessage(draft, ids, into, 0)
    parts.push(into.subarray(0, bytes))
    runs.push({ path: '/s/1.seg', at, bytes, count: 1, receivedAt: 0 } as ClaimRun)
    at += bytes
  }
  return { bytes: Buffer.concat(parts), runs }
}

test('messages taken one by one come out of few reads, and none keeps what was read with it', async () => {
  const { bytes, runs } = messages(1_000)
  const file = new OneFile(bytes)
  const files = new ReadFiles(file.files())
  for (const [i, run] of runs.entries()) {
    const [read] = await readRuns(files, [run], OLD)
    expect(read!.damaged).toBeUndefined()
    expect(read!.bytes.toString('latin1')).toContain(`message ${i} .`)
    expect(read!.bytes.buffer.byteLength).toBe(run.bytes)
  }
  expect(file.reads.length).toBeLessThanOrEqual(2 + Math.ceil(bytes.length / 65_536))
})

test('every eighth message, asked for by several at once, too', async () => {
  const { bytes, runs } = messages(800)
  const file = new OneFile(bytes)
  const files = new ReadFiles(file.files())
  const ours = runs.filter((_, i) => i % 8 === 0)
  await readRuns(files, [ours[0]!], OLD)
  const read = await Promise.all(ours.slice(1).map(run => readRuns(files, [run], OLD)))
  for (const [one] of read) expect(one!.damaged).toBeUndefined()
  expect(file.reads.length).toBeLessThanOrEqual(2 + Math.ceil(bytes.length / 65_536))
})

test('what was read before it was written is read again, not called damaged, and so is what follows', async () => {
  const { bytes, runs } = messages(100)
  const preallocated = Buffer.alloc(bytes.length)
  bytes.copy(preallocated, 0, 0, runs[3]!.at)
  const file = new OneFile(preallocated)
  const files = new ReadFiles(file.files())
  for (const run of runs.slice(0, 3)) await readRuns(files, [run], OLD)
  file.bytes = bytes
  for (const run of runs.slice(3)) {
    const [read] = await readRuns(files, [run], OLD)
    expect(read!.damaged).toBeUndefined()
    expect(read!.bytes.equals(bytes.subarray(run.at, run.at + run.bytes))).toBe(true)
  }
  expect(file.reads.length).toBeLessThan(10)
})

test('beyond where the file ended it is read again', async () => {
  const { bytes, runs } = messages(100)
  const file = new OneFile(bytes.subarray(0, runs[3]!.at + 10))
  const files = new ReadFiles(file.files())
  for (const run of runs.slice(0, 3)) await readRuns(files, [run], OLD)
  file.bytes = bytes
  for (const run of runs.slice(3)) expect((await readRuns(files, [run], OLD))[0]!.damaged).toBeUndefined()
  expect(file.reads.length).toBeLessThan(10)
})

test('what is damaged on the disk is damaged', async () => {
  const { bytes, runs } = messages(6)
  bytes[runs[4]!.at + 100]! ^= 1
  const files = new ReadFiles(new OneFile(bytes).files())
  const found = []
  for (const run of runs) found.push((await readRuns(files, [run], OLD))[0]!.damaged?.size)
  expect(found).toEqual([undefined, undefined, undefined, undefined, 1, undefined])
})

test('messages far apart, and in another order, are read one by one', async () => {
  const { bytes, runs } = messages(800)
  const file = new OneFile(bytes)
  const files = new ReadFiles(file.files())
  const far = [0, 100, 200, 300, 700, 600, 500, 400]
  for (const i of far) await readRuns(files, [runs[i]!], OLD)
  expect(file.reads.map(([, length]) => length)).toEqual(far.map(i => runs[i]!.bytes))
})

test('a read ahead that fails rejects, and the next one opens the file again', async () => {
  const { bytes, runs } = messages(6)
  const file = new OneFile(bytes)
  const files = new ReadFiles(file.files())
  await readRuns(files, [runs[0]!], OLD)
  file.failing = new Error('EIO')
  const failed = await Promise.allSettled([readRuns(files, [runs[1]!], OLD), readRuns(files, [runs[2]!], OLD)])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  file.failing = undefined
  expect((await readRuns(files, [runs[1]!], OLD))[0]!.damaged).toBeUndefined()
})
