import { expect, test } from 'vitest'
import { arriving, desk, drain, numbered, sendEach, streams, TO, text } from './desk.ts'

test('what was sent comes out in order, and the end is final once the writer has closed', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await sendEach(writer, numbered(50))
  const [live] = await streams(at)
  expect(arriving(await drain(live!))).toEqual(numbered(50))
  expect(live!.ended).toBeUndefined()
  await writer.close()
  expect(await live!.read(50, 1_000)).toBeUndefined()
  expect(live!.ended).toBe(50)
  expect(live!.sealed).toBe(true)
  const [later] = await streams(at)
  expect([later!.ended, later!.sealed]).toEqual([50, true])
})

test('a range of one frame is a view and holds no more than asked for unless a single entry does', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await writer.appendAll(TO, [text('a'.repeat(300)), text('b'.repeat(3_000)), text('c'), text('d')], id => id)
  const [stream] = await streams(at)
  const ranges = await drain(stream!, 0, 1_000)
  expect(ranges.map(({ from, to }) => [from, to])).toEqual([
    [0, 1],
    [1, 2],
    [2, 4]
  ])
  expect(arriving(ranges).map(body => body[0])).toEqual(['a', 'b', 'c', 'd'])
})

test('reading again from any earlier position gives the same messages, whatever the size of ranges', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  const bodies = numbered(400).map(body => body.padEnd(2_500, '.'))
  for (let i = 0; i < bodies.length; i += 7)
    await writer.appendAll(
      TO,
      bodies.slice(i, i + 7).map(body => text(body)),
      id => id
    )
  const [stream] = await streams(at)
  for (const [from, bytesMax] of [
    [0, 1_048_576],
    [399, 10],
    [200, 64_000],
    [0, 5_000],
    [3, 1_000_000],
    [250, 100_000],
    [249, 1]
  ] as const) {
    const got = await drain(stream!, from, bytesMax)
    expect(arriving(got)).toEqual(bodies.slice(from))
    for (const range of got)
      if (range.to - range.from > 1) expect(range.skip ?? range.entries.length <= bytesMax).toBe(true)
  }
})

test('what is appended later is found, and a released stream goes on where it was', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  await sendEach(writer, ['a', 'b'])
  const [stream] = await streams(at)
  expect(arriving(await drain(stream!))).toEqual(['a', 'b'])
  expect(stream!.idle).toBe(true)
  const end = at.disk.peek(stream!.path)!.length
  expect(stream!.written(end)).toBe(false)
  await sendEach(writer, ['c'])
  expect(stream!.written(at.disk.peek(stream!.path)!.length)).toBe(true)
  await stream!.release()
  expect(at.openFiles.size).toBe(0)
  await sendEach(writer, ['d'])
  expect(arriving(await drain(stream!, 2))).toEqual(['c', 'd'])
  expect(arriving(await drain(stream!, 1))).toEqual(['b', 'c', 'd'])
})

test('overlapping reads are each answered for the position they ask for', async () => {
  const at = await desk()
  await sendEach(at.writer('w1'), numbered(30))
  const [stream] = await streams(at)
  const got = await Promise.all([20, 0, 10, 29, 5].map(from => stream!.read(from, 1)))
  expect(arriving(got.map(range => range!))).toEqual(['m20', 'm0', 'm10', 'm29', 'm5'])
})

test('what has expired is skipped openly, with its entries', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  const now = at.clock.now()
  const drafts = [
    text('a'),
    text('b', { expiresAt: now - 1 }),
    text('c', { expiresAt: now }),
    text('d', { expiresAt: now + 1_000 }),
    text('e')
  ]
  await writer.appendAll(TO, drafts, id => id)
  const [stream] = await streams(at)
  const ranges = await drain(stream!)
  expect(ranges.map(range => [range.from, range.to, range.skip])).toEqual([
    [0, 1, undefined],
    [1, 3, 'expired'],
    [3, 5, undefined]
  ])
  expect(ranges[1]!.entries!.length).toBeGreaterThan(0)
  at.clock.step(1_000)
  expect(arriving(await drain(stream!, 3))).toEqual(['<expired>', 'e'])
})

test('a segment that was taken away is skipped as gone and said so', async () => {
  const at = await desk()
  await sendEach(at.writer('w1'), ['a', 'b', 'c'])
  const [stream] = await streams(at)
  expect(arriving(await drain(stream!))).toEqual(['a', 'b', 'c'])
  await stream!.release()
  await at.disk.remove(stream!.path)
  expect(arriving(await drain(stream!, 1))).toEqual(['<gone>', '<gone>'])
  expect(stream!.ended).toBe(3)
  expect(at.logged.filter(({ level }) => level === 'error')).toHaveLength(1)
})

test('a disk that fails once at any call of a read gives a typed error, and the next read gives what was asked', async () => {
  for (const call of ['open', 'pread', 'bytes', 'replace'] as const) {
    for (let after = 0; after < 4; after++) {
      const at = await desk()
      const writer = at.writer('w1')
      await sendEach(writer, numbered(10))
      await writer.close()
      const [stream] = await streams(at)
      at.disk.flip(stream!.path, 64 + 3 * 100, 0)
      stream!.setFinal()
      const rule = at.disk.failNext({ call, code: 'EIO', after })
      let failed = 0
      let next = 0
      const got: string[] = []
      while (next < 10 && failed < 5) {
        try {
          const range = await stream!.read(next, 200)
          if (range === undefined) break
          got.push(...arriving([range]))
          next = range.to
        } catch (error) {
          expect(error).toMatchObject({ name: 'DroprError', code: 'DISK_ERROR' })
          failed++
        }
      }
      expect(failed).toBe(rule.hits)
      expect(got.filter(body => body !== '<damaged>').length).toBeGreaterThanOrEqual(9)
      expect(got).toHaveLength(10)
      rule.remove()
    }
  }
})
