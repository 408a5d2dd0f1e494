import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { lostHere } from '../../src/spool/lost-here.ts'
import type { Spool } from '../../src/spool/spool.ts'
import { arriving, desk, drain, FOLDER, sendEach, streams, TO, text } from './desk.ts'

/** Three messages in one commit, of which bits are turned, and one that vouches for them. */
async function damagedSegment() {
  const at = await desk()
  const writer = at.writer('w1')
  const bodies = ['first', 'second', 'third']
  await writer.appendAll(
    TO,
    bodies.map(body => text(body)),
    id => id
  )
  await sendEach(writer, ['last'])
  await writer.close()
  const { path } = (await listSegments(at.disk, FOLDER))[0]!
  const flip = (body: string) => at.disk.flip(path, at.disk.peek(path)!.indexOf(body), 1)
  /** What a process finds that reads it all: in `spool`, or with one of its own. */
  const read = async (spool?: Spool) => {
    const [stream] = await streams({ ...at, spool: spool ?? (await at.open()) })
    stream!.setFinal()
    const got = arriving(await drain(stream!))
    await stream!.release()
    return got
  }
  const files = async () => (await at.disk.list('/s/corrupt')).map(({ name }) => name).sort()
  const errors = () => at.logged.filter(({ level }) => level === 'error').length
  return { ...at, path, flip, read, files, errors }
}

test('a second bit that turns in a place that is set aside has a note of its own, beside the first', async () => {
  const at = await damagedSegment()
  at.flip('first')
  expect(await at.read()).toEqual(['<damaged>', 'second', 'third', 'last'])
  const before = await at.files()
  at.flip('third')
  // Where the one between them begins nobody knows any more.
  expect(await at.read()).toEqual(['<damaged>', '<damaged>', '<damaged>', 'last'])
  const after = await at.files()
  expect(after).toHaveLength(2 * before.length)
  expect(after).toEqual(expect.arrayContaining(before))
  const notes = after.filter(name => name.endsWith('.json'))
  const lost = notes.map(name => (JSON.parse(at.disk.peek(`/s/corrupt/${name}`)!.toString()) as Note).lostPositions)
  expect(lost.flat().sort(([, to], [, other]) => to - other)).toEqual([
    [0, 1],
    [0, 3]
  ])
})

interface Note {
  stream: string
  lostPositions: [number, number][]
}

test('damage that has its note is not logged or set aside again by the next process', async () => {
  const at = await damagedSegment()
  at.flip('second')
  await at.read()
  expect(at.errors()).toBe(1)
  const contents = async () => (await at.files()).map(name => [name, at.disk.peek(`/s/corrupt/${name}`)!.toString()])
  const before = await contents()
  at.clock.step(60_000)
  await at.read()
  expect(at.errors()).toBe(1)
  expect(await contents()).toEqual(before)
})

test('a note that was moved away is not made again by the process that made it', async () => {
  const at = await damagedSegment()
  at.flip('second')
  await at.read(at.spool)
  const [name] = (await at.files()).filter(one => one.endsWith('.json'))
  const { stream } = JSON.parse(at.disk.peek(`/s/corrupt/${name}`)!.toString()) as Note
  expect(await lostHere(at.spool, stream, 1)).toBe(at.clock.now())
  for (const one of await at.files()) await at.disk.remove(`/s/corrupt/${one}`)
  await at.read(at.spool)
  expect(await at.files()).toEqual([])
  expect(at.errors()).toBe(1)
})
