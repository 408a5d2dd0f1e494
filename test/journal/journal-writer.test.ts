import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { bodies, desk, FOLDER, parts, text } from './desk.ts'

const id = (given: string) => given
const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => `m${from + i}`)

test('appends made while a commit runs share the next one', async () => {
  const { journal, disk } = await desk()
  const first = journal.append(text('m0'), id)
  await Promise.resolve()
  await Promise.resolve()
  const rest = names(1, 99).map(body => journal.append(text(body), id))
  await Promise.all([first, ...rest])
  const frames = (await parts(disk)).filter(part => part.kind === 'frame')
  expect(frames.map(part => part.frame.count)).toEqual([1, 99])
  expect(await bodies(disk)).toEqual(names(0, 100))
})

test('a new segment and all folders above it survive a power cut that loses every un-synced name and byte', async () => {
  const { journal, disk } = await desk()
  await journal.append(text('kept'), id)
  disk.crash({ data: 'lose', names: 'lose' })
  expect(await bodies(disk)).toEqual(['kept'])
})

test('a batch is one frame: cut at any byte of its write it is there whole or not at all', async () => {
  for (let partialBytes = 0; partialBytes < 700; partialBytes += 7) {
    const { journal, disk } = await desk()
    disk.failNext({ call: 'writeSynced', code: 'EIO', partialBytes })
    await expect(
      journal.appendAll(
        names(0, 10).map(body => text(body)),
        id
      )
    ).rejects.toMatchObject({ code: 'DISK_ERROR' })
    const left = (await bodies(disk)).length
    expect([0, 10]).toContain(left)
    await journal.appendAll(
      names(0, 10).map(body => text(body)),
      id
    )
    expect((await bodies(disk)).slice(left)).toEqual(names(0, 10))
  }
})

test('after a failed write the segment takes nothing more and the next append goes to a new one', async () => {
  const { journal, disk } = await desk()
  await journal.append(text('m0'), id)
  disk.failNext({ call: 'writeSynced', code: 'EIO', partialBytes: 20 })
  await expect(journal.append(text('lost'), id)).rejects.toMatchObject({ code: 'DISK_ERROR' })
  await journal.append(text('m1'), id)
  expect(await listSegments(disk, FOLDER)).toHaveLength(2)
  expect(await bodies(disk)).toEqual(['m0', 'm1'])
})

test('every call of the disk failed once: what resolved is there after a power cut, what rejected says why, and service resumes', async () => {
  const codes = { ENOSPC: 'DISK_FULL', EIO: 'DISK_ERROR', EROFS: 'DISK_READ_ONLY', EMFILE: 'FILES_EXHAUSTED' }
  let failures = 0
  for (const [code, typed] of Object.entries(codes)) {
    for (let after = 0; after < 40; after++) {
      const { journal, disk } = await desk({ seed: `${code} ${after}`, limits: { segmentBytesMax: 1_000 } })
      const rule = disk.failNext({ call: 'any', code, after })
      const kept: string[] = []
      for (const body of names(0, 12)) {
        await journal.append(text(body.padEnd(200, '.')), id).then(
          () => kept.push(body),
          error => expect(error).toMatchObject({ code: typed })
        )
      }
      failures += rule.hits
      disk.faults.clear()
      await journal.append(text('after'), id)
      disk.crash()
      const found = (await bodies(disk)).map(body => body.replace(/\.+$/, ''))
      expect(found).toEqual(expect.arrayContaining([...kept, 'after']))
      expect(new Set(found).size).toBe(found.length)
    }
  }
  expect(failures).toBeGreaterThan(50)
})

test('power cut at a random moment of random appends: resolved means there, in order, and every frame is whole', async () => {
  let torn = 0
  for (let seed = 0; seed < 200; seed++) {
    const world = new SimWorld({ seed })
    const node = world.node('a')
    await world.clock.until(node.disk.makeFolder('/s').then(() => node.disk.syncFolder('/')))
    const kept: string[] = []
    for (let round = 0; round < 3; round++) {
      const system = node.process('app')
      const { journal } = await desk({ system, writer: `w${round}`, limits: { segmentBytesMax: 4_000 } })
      for (let i = 0; i < 20; i++) {
        const name = `m${round * 20 + i}`
        const sent = journal.append(text(name.padEnd(system.random.int(400), '.')), id)
        void sent.then(() => kept.push(name))
        if (system.random.chance(0.3)) await world.clock.advance(system.random.int(3))
      }
      node.powerCut()
    }
    const found = (await world.clock.until(bodies(node.disk))).map(name => name.replace(/\.+$/, ''))
    const places = kept.map(name => found.indexOf(name))
    expect(places, `seed ${seed}`).not.toContain(-1)
    expect(places, `seed ${seed}`).toEqual([...places].sort((a, b) => a - b))
    const ends = await world.clock.until(parts(node.disk))
    if (ends.some(part => part.kind === 'end' && !part.sealed)) torn++
  }
  expect(torn).toBeGreaterThan(0)
})

test('a full segment is sealed before the next begins', async () => {
  const { journal, disk } = await desk({ limits: { segmentBytesMax: 1_000 } })
  for (const body of names(0, 30)) await journal.append(text(body.padEnd(100)), id)
  await journal.close()
  const ends = (await parts(disk)).filter(part => part.kind === 'end')
  expect(ends.length).toBeGreaterThan(2)
  expect(ends.every(part => part.sealed)).toBe(true)
})

test('a segment of many small frames is sealed too, so that reading it after a crash takes no longer than it may', async () => {
  const { journal, disk } = await desk({ segmentFramesMax: 3 })
  for (let i = 0; i < 7; i++) await journal.append(text('x'), given => given)
  await journal.close()
  const found = await parts(disk)
  const frames = found.flatMap(part => (part.kind === 'frame' ? [part.frame.kind] : []))
  expect(frames.join()).toBe('data,data,data,seal,data,data,data,seal,data,seal')
})

test('close commits what waits, and what comes later rejects with CLOSED', async () => {
  const { journal, disk } = await desk()
  const waiting = names(0, 5).map(body => journal.append(text(body), id))
  await journal.close()
  await Promise.all(waiting)
  disk.crash({ data: 'lose', names: 'lose' })
  expect(await bodies(disk)).toEqual(names(0, 5))
  await expect(journal.append(text('late'), id)).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a buffered append does not sync; the next synced one vouches for it too', async () => {
  const { journal, disk } = await desk()
  const synced = disk.failNext({ call: 'writeSynced', code: 'EIO', times: Number.POSITIVE_INFINITY })
  const sync = disk.failNext({ call: 'sync', code: 'EIO', times: Number.POSITIVE_INFINITY })
  await journal.append(text('m0'), id, true)
  expect([synced.hits, sync.hits]).toEqual([0, 0])
  synced.remove()
  sync.remove()
  await journal.append(text('m1'), id)
  disk.crash({ data: 'lose', names: 'lose' })
  expect(await bodies(disk)).toEqual(['m0', 'm1'])
})

test('two writers of one folder never share a file or a number', async () => {
  const { open, disk } = await desk()
  const writers = ['a', 'b', 'c'].map(open)
  for (const body of names(0, 3)) await Promise.all(writers.map(writer => writer.append(text(body), id)))
  expect(await listSegments(disk, FOLDER)).toHaveLength(3)
  expect((await bodies(disk)).sort()).toEqual(['m0', 'm0', 'm0', 'm1', 'm1', 'm1', 'm2', 'm2', 'm2'])
})

test('zeros written ahead change nothing for who reads, and go at the seal', async () => {
  const { journal, disk } = await desk()
  for (let i = 0; i < 40; i++) await journal.append(text(`m${i}`.padEnd(100_000)), id)
  const [segment] = await listSegments(disk, FOLDER)
  expect((await bodies(disk)).length).toBe(40)
  await journal.close()
  const [end] = (await parts(disk)).filter(part => part.kind === 'end')
  expect((await disk.stat(segment!.path))?.bytes).toBe(end!.at)
})

test('no room to write ahead is no error', async () => {
  const { journal, disk } = await desk()
  const rule = disk.failNext({ call: 'preallocate', code: 'ENOSPC' })
  for (let i = 0; i < 40; i++) await journal.append(text(`m${i}`.padEnd(100_000)), id)
  expect(rule.hits).toBe(1)
  expect(await listSegments(disk, FOLDER)).toHaveLength(1)
})

test('commits go on while the file is filled ahead for the first time, and none is lost to the zeros', async () => {
  let fill: () => void = () => undefined
  const filling = new Promise<void>(resolve => {
    fill = resolve
  })
  const at = await desk()
  const create: typeof at.disk.create = async path => {
    const file = await at.disk.create(path)
    const preallocate = file.preallocate.bind(file)
    file.preallocate = (from, to) => filling.then(() => preallocate(from, to))
    return file
  }
  const files = new Proxy(at.disk, {
    get: (disk, name) => {
      const member = name === 'create' ? create : Reflect.get(disk, name)
      return typeof member === 'function' ? member.bind(disk) : member
    }
  })
  const { journal } = await desk({ system: { ...at.system, files } })
  const sent = Array.from({ length: 26 }, (_, i) => `m${i}`.padEnd(50_000))
  for (const body of sent.slice(0, 5)) await journal.append(text(body), id)
  fill()
  for (const body of sent.slice(5)) await journal.append(text(body), id)
  await journal.close()
  expect(await bodies(at.disk)).toEqual(sent)
})

test('a segment whose seal cannot be written is closed all the same', async () => {
  const at = await desk()
  let open = 0
  const create: typeof at.disk.create = async path => {
    const file = await at.disk.create(path)
    const close = file.close.bind(file)
    open++
    file.close = () => {
      open--
      return close()
    }
    return file
  }
  const files = new Proxy(at.disk, {
    get: (disk, name) => {
      const member = name === 'create' ? create : Reflect.get(disk, name)
      return typeof member === 'function' ? member.bind(disk) : member
    }
  })
  const { journal } = await desk({ system: { ...at.system, files } })
  await journal.append(text('m0'), id)
  journal.rotate()
  at.disk.failNext({ call: 'writeSynced', code: 'EIO' })
  await expect(journal.append(text('m1'), id)).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(open).toBe(0)
})
