import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { unvouched } from '../journal/unvouched.ts'
import { arriving, desk, drain, FOLDER, sendEach, streams, TO, text } from './desk.ts'

test('a live writer is waited for at its tail, a dead one is not', async () => {
  const at = await desk()
  await sendEach(at.writer('w1'), ['a'])
  const path = (await listSegments(at.disk, FOLDER))[0]!.path
  const whole = at.disk.peek(path)!
  for (const tail of [
    Buffer.alloc(1),
    Buffer.alloc(8_192),
    Buffer.from('DRFR'),
    at.random.bytes(500),
    whole.subarray(64, 120)
  ]) {
    at.disk.plant(path, Buffer.concat([whole, tail]))
    const [stream] = await streams(at)
    expect(arriving(await drain(stream!))).toEqual(['a'])
    expect(stream!.ended).toBeUndefined()
    stream!.setFinal()
    expect(await stream!.read(1, 1_000)).toBeUndefined()
    expect(stream!.ended).toBe(1)
  }
  expect(at.logged.filter(({ level }) => level === 'error')).toEqual([])
})

test('a segment cut at every byte gives every entry of its whole frames and then ends', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await writer.appendAll(TO, [text('a'), text('b')], id => id)
  await sendEach(writer, ['c', 'd'])
  await writer.close()
  const [segment] = await listSegments(at.disk, FOLDER)
  const whole = at.disk.peek(segment!.path)!
  let most = 0
  for (let cut = 0; cut <= whole.length; cut++) {
    at.disk.plant(segment!.path, whole.subarray(0, cut))
    const [stream] = await streams(at)
    if (stream === undefined) {
      expect(cut).toBeLessThan(64)
      continue
    }
    stream.setFinal()
    const got = arriving(await drain(stream))
    expect(['', 'ab', 'abc', 'abcd']).toContain(got.join(''))
    expect(got.length).toBeGreaterThanOrEqual(most)
    expect(stream.ended).toBe(got.length)
    most = got.length
  }
  expect(most).toBe(4)
})

test('a bit flipped anywhere behind the head loses at most the entry it hit, and what is lost is skipped and set aside', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  const bodies = ['a', 'b', 'c', 'd', 'e', 'f']
  await writer.appendAll(
    TO,
    ['a', 'b', 'c'].map(body => text(body)),
    id => id
  )
  await sendEach(writer, ['d'])
  await writer.appendAll(
    TO,
    ['e', 'f'].map(body => text(body)),
    id => id
  )
  await writer.close()
  const [segment] = await listSegments(at.disk, FOLDER)
  const whole = at.disk.peek(segment!.path)!
  let damaged = 0
  for (let byte = 64; byte < whole.length; byte++) {
    at.disk.plant(segment!.path, whole)
    at.disk.flip(segment!.path, byte, byte % 8)
    const [stream] = await streams(at)
    stream!.setFinal()
    const got = arriving(await drain(stream!))
    const lost = got.filter(body => body === '<damaged>').length
    expect(lost, `byte ${byte}: ${got.join(' ')}`).toBeLessThanOrEqual(1)
    damaged += lost
    // The last frame is the seal: nothing vouches for it, so damage there is a torn tail.
    expect(
      got.map((body, i) => (body === '<damaged>' ? bodies[i] : body)),
      `byte ${byte}`
    ).toEqual(bodies)
    expect(arriving(await drain(stream!, 1))).toEqual(got.slice(1))
    expect(arriving(await drain(stream!, 4))).toEqual(got.slice(4))
    await stream!.release()
  }
  expect(damaged).toBeGreaterThan(20)
  const notes = (await at.disk.list('/s/corrupt')).filter(({ name }) => name.endsWith('.json'))
  expect(notes.length).toBeGreaterThan(0)
  const note = JSON.parse(at.disk.peek(`/s/corrupt/${notes[0]!.name}`)!.toString())
  expect(note).toMatchObject({ segment: segment!.path.slice(3), stream: expect.stringMatching(/^[0-9a-f]{32}$/) })
  expect(at.disk.peek(`/s/corrupt/${note.copies[0]}`)!.length).toBe(note.toByte - note.fromByte)
})

test('damage under a live writer is stepped over as soon as a later commit vouches for it', async () => {
  const at = await desk()
  const ends: { path: string; end: number }[] = []
  const writer = at.writer('w1', ({ path, end }) => {
    if (end !== undefined) ends.push({ path, end })
  })
  await sendEach(writer, ['a', 'b', 'c'])
  const { path } = ends[0]!
  at.disk.flip(path, ends[0]!.end + 60, 3)
  const [stream] = await streams(at)
  const got = await drain(stream!)
  expect(arriving(got)).toEqual(['a'])
  stream!.written(ends[2]!.end)
  expect(arriving(await drain(stream!, 1))).toEqual(['<damaged>', 'c'])
  await sendEach(writer, ['d'])
  expect(arriving(await drain(stream!, 0))).toEqual(['a', '<damaged>', 'c', 'd'])
})

test('damage under a live writer is found without any hint after a second', async () => {
  const at = await desk()
  const ends: number[] = []
  const writer = at.writer('w1', ({ end }) => {
    if (end !== undefined) ends.push(end)
  })
  await sendEach(writer, ['a', 'b', 'c'])
  const [segment] = await listSegments(at.disk, FOLDER)
  at.disk.flip(segment!.path, ends[0]! + 60, 3)
  const [stream] = await streams(at)
  expect(arriving(await drain(stream!))).toEqual(['a'])
  expect(stream!.heldUp).toBe(true)
  await at.clock.advance(1_000)
  expect(arriving(await drain(stream!, 1))).toEqual(['<damaged>', 'c'])
  expect(stream!.heldUp).toBe(false)
})

test('what the disk lost under an idle live writer, zeros now, hides nothing that lay behind it when a reader comes', async () => {
  const at = await desk()
  const ends: number[] = []
  const writer = at.writer('w1', ({ end }) => {
    if (end !== undefined) ends.push(end)
  })
  await sendEach(writer, ['a', 'b', 'c', 'd'])
  const [segment] = await listSegments(at.disk, FOLDER)
  const whole = at.disk.peek(segment!.path)!
  for (const [begin, end, left] of [
    [ends[0]!, ends[1]!, ['a', '<damaged>', 'c', 'd']],
    [ends[0]!, ends[2]!, ['a', '<damaged>', '<damaged>', 'd']],
    [64, ends[2]!, ['<damaged>', '<damaged>', '<damaged>', 'd']]
  ] as const) {
    at.disk.plant(segment!.path, Buffer.from(whole).fill(0, begin, end))
    const [stream] = await streams(at)
    const got = arriving(await drain(stream!))
    got.push(...arriving(await drain(stream!, got.length)))
    expect(got).toEqual(left)
    await stream!.release()
  }
})

test('damage in what was sent buffered, with more of it behind, holds up a live stream no longer than until a later commit', async () => {
  const at = await desk()
  const ends: number[] = []
  const writer = at.writer('w1', ({ end }) => {
    if (end !== undefined) ends.push(end)
  })
  await sendEach(writer, ['a'])
  const begun = ends.at(-1)!
  for (const pair of [
    ['b', 'c'],
    ['d', 'e']
  ])
    await writer.appendAll(
      TO,
      pair.map(body => text(body)),
      id => id,
      true
    )
  const [segment] = await listSegments(at.disk, FOLDER)
  at.disk.flip(segment!.path, begun + 60, 3)
  const [stream] = await streams(at)
  expect(arriving(await drain(stream!))).toEqual(['a'])
  await at.clock.advance(1_000)
  expect(await stream!.read(1, 1_000)).toBeUndefined()
  expect(stream!.heldUp).toBe(true)
  await sendEach(writer, ['f', 'g'])
  expect(arriving(await drain(stream!, 1))).toEqual(['<damaged>', 'c', 'd', 'e', 'f', 'g'])
  expect(stream!.heldUp).toBe(false)
})

test('a stream is held up where bytes cannot be read yet: for a second at a tail, longer where a whole frame follows', async () => {
  const at = await desk()
  await sendEach(at.writer('w1'), ['a', 'b'])
  const path = (await listSegments(at.disk, FOLDER))[0]!.path
  const whole = at.disk.peek(path)!
  for (const [tail, isHeldUp] of [
    [Buffer.alloc(8_192), false],
    [Buffer.from('DRFR'), false],
    [at.random.bytes(500), false],
    [Buffer.concat([at.random.bytes(500), unvouched(whole, 1).frame]), true]
  ] as const) {
    at.disk.plant(path, Buffer.concat([whole, tail]))
    const [stream] = await streams(at)
    expect(arriving(await drain(stream!))).toEqual(['a', 'b'])
    expect(stream!.heldUp).toBe(!tail.equals(Buffer.alloc(8_192)))
    await at.clock.advance(1_000)
    expect(await stream!.read(2, 1_000)).toBeUndefined()
    expect(stream!.heldUp).toBe(isHeldUp)
    stream!.setFinal()
    expect(arriving(await drain(stream!, 2))).toEqual(isHeldUp ? ['b'] : [])
    expect(stream!.heldUp).toBe(false)
    await stream!.release()
  }
})
