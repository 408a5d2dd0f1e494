import { expect, test } from 'vitest'
import { OutboxStreams } from '../../src/spool/outbox-streams.ts'
import { arriving, desk, drain, FOLDER, numbered, sendEach, TO } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>

function streamsOf(at: Desk) {
  const next = new Map<string, number>()
  const streams = new OutboxStreams({ spool: at.spool, peer: 'tokyo', next: stream => next.get(stream) ?? 0 })
  const names = () => streams.ready().map(({ writer, n }) => `${writer}-${n}`)
  /** Sends and acknowledges all that is ready of one writer. */
  const take = async (writer: string) => {
    const stream = streams.ready().find(one => one.writer === writer)!
    const ranges = await drain(stream, next.get(stream.stream) ?? 0)
    if (ranges.length > 0) next.set(stream.stream, ranges.at(-1)!.to)
    return arriving(ranges)
  }
  return { next, streams, names, take }
}

test('no outbox, no peer, strangers in the folders: nothing to send and no error', async () => {
  const at = await desk()
  const { streams, names } = streamsOf(at)
  await streams.refresh()
  await streams.refresh({ channel: 'common', priority: 4 })
  expect(names()).toEqual([])
  await at.spool.folders.ensure(FOLDER)
  await at.spool.folders.ensure('/s/outbox/tokyo/common/44')
  await at.spool.folders.ensure('/s/outbox/tokyo/NOT OURS/4')
  at.disk.plant(`${FOLDER}/.DS_Store`, 'x')
  at.disk.plant(`${FOLDER}/w1-00000001.seg.bak`, 'x')
  at.disk.plant('/s/outbox/tokyo/common/4.txt', 'x')
  await at.disk.makeFolder(`${FOLDER}/w9-00000009.seg`)
  at.disk.plantLink('/s/outbox/tokyo/linked')
  await streams.refresh()
  expect(names()).toEqual([])
})

test('live writers go side by side', async () => {
  const at = await desk()
  const { streams, names } = streamsOf(at)
  for (const name of ['w1', 'w2', 'w3']) await sendEach(at.writer(name), [name])
  await streams.refresh()
  expect(names()).toEqual(['w1-1', 'w2-2', 'w3-3'])
})

test('what began after another process had closed waits until that has arrived', async () => {
  const at = await desk()
  const { streams, names, take } = streamsOf(at)
  const first = at.writer('w1')
  await sendEach(first, ['a', 'b'])
  await streams.refresh()
  expect(names()).toEqual(['w1-1'])
  await first.close()
  await sendEach(at.writer('w2'), ['c'])
  await streams.refresh({ channel: 'common', priority: 4 })
  expect(names()).toEqual(['w1-1'])
  expect(await take('w1')).toEqual(['a', 'b'])
  expect(names()).toEqual(['w2-2'])
  expect(await take('w2')).toEqual(['c'])
})

test('P6: what began after a process had closed waits for all of it, also for a segment that it left after a failure', async () => {
  for (const seed of [1, 2, 3]) {
    const at = await desk({ seed })
    const { streams, names, take, next } = streamsOf(at)
    const first = at.writer('w1')
    await sendEach(first, ['a'])
    at.disk.failNext({ call: 'writeSynced', code: 'EIO' })
    await expect(sendEach(first, ['lost'])).rejects.toThrow()
    await first.close()
    at.alive.delete('w1')
    const second = at.writer('w2')
    await sendEach(second, ['c'])
    await second.close()
    await streams.refresh()
    expect(names()).toEqual(['w1-1'])
    expect((await take('w1'))[0]).toBe('a')
    expect(names()).toEqual(['w2-3'])
    expect(await take('w2')).toEqual(['c'])
    expect(names()).toEqual([])
    next.clear()
    expect(names()).toEqual(['w1-1'])
  }
})

test('P6 P7: what cannot be opened holds up those that may have to come after it, for a while and no longer', async () => {
  const at = await desk()
  const { streams, names } = streamsOf(at)
  const first = at.writer('w1')
  await sendEach(first, ['a'])
  await first.close()
  await sendEach(at.writer('w2'), ['b'])
  at.disk.failNext({ call: 'open', code: 'EIO', path: path => path.includes('w1-'), times: 3 })
  await expect(streams.refresh()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(names()).toEqual([])
  await at.clock.advance(9_999)
  await expect(streams.refresh()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(names()).toEqual([])
  await at.clock.advance(1)
  await expect(streams.refresh()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(names()).toEqual(['w2-2'])
  await streams.refresh()
  expect(names()).toEqual(['w1-1', 'w2-2'])
})

test('a process that died without closing holds up nobody', async () => {
  const at = await desk()
  const { streams, names } = streamsOf(at)
  await sendEach(at.writer('w1'), ['a'])
  at.alive.delete('w1')
  await sendEach(at.writer('w2'), ['b'])
  await streams.refresh()
  expect(names()).toEqual(['w1-1', 'w2-2'])
})

test('a later segment of the same writer waits until the earlier one is acknowledged to its end', async () => {
  const at = await desk()
  const { streams, names, take, next } = streamsOf(at)
  const writer = at.writer('w1')
  await sendEach(writer, ['a', 'b'])
  const failing = at.disk.failNext({ call: 'writeSynced', code: 'EIO' })
  await expect(sendEach(writer, ['lost'])).rejects.toThrow()
  expect(failing.hits).toBe(1)
  await sendEach(writer, ['c'])
  await streams.refresh()
  expect(names()).toEqual(['w1-1'])
  const [stream] = streams.ready()
  const range = await stream!.read(0, 1)
  next.set(stream!.stream, range!.to)
  expect(names()).toEqual(['w1-1'])
  expect((await take('w1'))[0]).toBe('b')
  expect(names()).toEqual(['w1-2'])
  expect(await take('w1')).toEqual(['c'])
})

test('a writer that stands still, for however long, is never taken for dead', async () => {
  const at = await desk()
  const { streams, take } = streamsOf(at)
  const writer = at.writer('w1')
  await sendEach(writer, ['a'])
  await streams.refresh()
  await take('w1')
  for (let day = 0; day < 30; day++) {
    at.clock.step(86_400_000)
    await streams.refresh()
    await take('w1')
  }
  expect(streams.ready()[0]!.ended).toBeUndefined()
  await sendEach(writer, ['b'])
  expect(await take('w1')).toEqual(['b'])
})

test('a dead writer is asked for only on the timed scan and only when nothing more is there', async () => {
  const at = await desk()
  const { streams, take } = streamsOf(at)
  await sendEach(at.writer('w1'), ['a'])
  await streams.refresh({ channel: 'common', priority: 4 })
  await take('w1')
  expect(at.asked).toEqual([])
  at.alive.delete('w1')
  await streams.refresh()
  expect(at.asked).toEqual(['/s/run/w1.sock'])
  expect(streams.ready()).toEqual([])
  expect(streams.finished().map(({ ended }) => ended)).toEqual([1])
})

test('what a writer appended just before it died is found although it was looked for before', async () => {
  const at = await desk()
  const { streams, take } = streamsOf(at)
  const writer = at.writer('w1')
  await sendEach(writer, ['a'])
  await streams.refresh()
  await take('w1')
  await sendEach(writer, ['b'])
  at.alive.delete('w1')
  await streams.refresh()
  expect(streams.finished()).toEqual([])
  expect(await take('w1')).toEqual(['b'])
  expect(streams.finished()).toHaveLength(1)
})

test('a hint finds a new segment at once, and one that is known without a look at the disk', async () => {
  const at = await desk()
  const { streams, take } = streamsOf(at)
  const hints: Parameters<typeof streams.refresh>[0][] = []
  const writer = at.writer('w1', hint => hints.push(hint))
  await sendEach(writer, ['a'])
  await streams.refresh(hints[0])
  expect(await take('w1')).toEqual(['a'])
  await sendEach(writer, ['b'])
  const broken = at.disk.failNext({ call: 'list', code: 'EIO' })
  await streams.refresh(hints[1])
  expect(broken.hits).toBe(0)
  broken.remove()
  expect(await take('w1')).toEqual(['b'])
})

test('higher priorities come first', async () => {
  const at = await desk()
  const { streams } = streamsOf(at)
  const writer = at.writer('w1')
  for (const priority of [0, 4, 9, 5]) await sendEach(writer, ['x'], { ...TO, priority })
  await streams.refresh()
  expect(streams.ready().map(({ priority }) => priority)).toEqual([9, 5, 4, 0])
})

test('one folder that cannot be read does not hide the others', async () => {
  const at = await desk()
  const { streams } = streamsOf(at)
  const writer = at.writer('w1')
  for (const channel of ['bad', 'good', 'fine']) await sendEach(writer, ['x'], { ...TO, channel })
  at.disk.failNext({ call: 'list', code: 'EACCES', path: path => path.includes('/bad/4') })
  await expect(streams.refresh()).rejects.toMatchObject({ code: 'DISK_ACCESS' })
  expect(
    streams
      .ready()
      .map(({ channel }) => channel)
      .sort()
  ).toEqual(['fine', 'good'])
  await streams.refresh()
  expect(streams.ready()).toHaveLength(3)
})

test('a segment without a whole head is waited for, and left alone once its writer is dead', async () => {
  const at = await desk()
  const { streams, names } = streamsOf(at)
  await at.spool.folders.ensure(FOLDER)
  at.disk.plant(`${FOLDER}/w1-00000001.seg`, 'DROPR')
  at.alive.add('w1')
  await sendEach(at.writer('w2'), numbered(3))
  await streams.refresh()
  expect(names()).toEqual(['w2-2'])
  at.alive.delete('w1')
  await streams.refresh()
  await streams.refresh()
  expect(names()).toEqual(['w2-2'])
  expect(at.logged.filter(({ level }) => level === 'error')).toHaveLength(1)
})

test('no more files are open than allowed, however many streams there are', async () => {
  const at = await desk({ limits: { filesOpenMax: 8 } })
  const { streams } = streamsOf(at)
  const writer = at.writer('w1')
  for (let c = 0; c < 40; c++) await sendEach(writer, ['x'], { ...TO, channel: `c${c}` })
  await streams.refresh()
  at.disk.handlesMax = 20
  for (let round = 0; round < 3; round++)
    for (const stream of streams.ready()) expect(arriving(await drain(stream))).toEqual(['x'])
})
