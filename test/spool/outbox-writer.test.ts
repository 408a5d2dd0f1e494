import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { OutboxStreams } from '../../src/spool/outbox-streams.ts'
import type { OutboxHint } from '../../src/spool/outbox-writer.ts'
import { arriving, desk, drain, FOLDER, numbered, sendEach, TO, text } from './desk.ts'

type Desk = Awaited<ReturnType<typeof desk>>

/** What a peer would get that acknowledges everything at once. */
async function deliver(at: Desk, peer = 'tokyo'): Promise<Map<string, string[]>> {
  const next = new Map<string, number>()
  const got = new Map<string, string[]>()
  const streams = new OutboxStreams({ spool: at.spool, peer, next: stream => next.get(stream) ?? 0 })
  for (let quiet = 0; quiet < 2; quiet++) {
    await streams.refresh()
    for (let ready = streams.ready(); ready.length > 0; ready = streams.ready()) {
      let moved = false
      for (const stream of ready) {
        const from = next.get(stream.stream) ?? 0
        const bodies = arriving(await drain(stream, from))
        if (bodies.length === 0) continue
        moved = true
        next.set(stream.stream, from + bodies.length)
        got.set(stream.channel, [...(got.get(stream.channel) ?? []), ...bodies])
      }
      if (!moved) break
      quiet = 0
    }
  }
  await streams.close()
  return got
}

test('sends to one place are in one segment, in order, each told with its id', async () => {
  const at = await desk()
  const hints: object[] = []
  const writer = at.writer('w1', hint => hints.push(hint))
  const ids = await Promise.all(numbered(100).map(body => writer.append(TO, text(body), id => id)))
  expect(new Set(ids).size).toBe(100)
  expect(ids).toEqual([...ids].sort())
  const segments = await listSegments(at.disk, FOLDER)
  expect(segments).toHaveLength(1)
  expect(hints.at(-1)).toEqual({ ...TO, path: segments[0]!.path, end: at.disk.peek(segments[0]!.path)!.length })
  expect((await deliver(at)).get('common')).toEqual(numbered(100))
})

test('a small send is told while it is on its way to the disk, and again when it is there; the first of a file and many bytes only then', async () => {
  const at = await desk()
  const hints: OutboxHint[] = []
  const writer = at.writer('w1', hint => hints.push(hint))
  const told = async (body: string) => {
    hints.length = 0
    let before = 0
    const sent = writer.append(TO, text(body), id => id)
    await sent.then(() => {
      before = hints.length
    })
    return [before, hints.filter(({ end }) => end !== undefined).length]
  }
  expect(await told('first')).toEqual([1, 1])
  expect(await told('second')).toEqual([2, 1])
  const [segment] = await listSegments(at.disk, FOLDER)
  expect(hints[0]).toEqual({ ...TO, path: segment!.path })
  expect(await told('x'.repeat(5_000))).toEqual([1, 1])
  at.disk.failNext({ call: 'writeSynced', code: 'EIO' })
  hints.length = 0
  await expect(writer.append(TO, text('lost'), id => id)).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(hints).toEqual([{ ...TO, path: segment!.path }])
})

test('more places than files may be open still get everything, each in order', async () => {
  const at = await desk({ limits: { filesOpenMax: 8 } })
  const writer = at.writer('w1')
  const sends: Promise<string>[] = []
  for (let i = 0; i < 30; i++)
    for (let c = 0; c < 20; c++)
      sends.push(writer.append({ ...TO, channel: `c${(c * 7) % 20}` }, text(`m${i}`), id => id))
  await Promise.all(sends)
  await writer.close()
  const got = await deliver(at)
  expect(got.size).toBe(20)
  for (const bodies of got.values()) expect(bodies).toEqual(numbered(30))
})

test('an append that waits for an older segment to be closed is not overtaken by a later one', async () => {
  const at = await desk({ limits: { filesOpenMax: 8 } })
  const writer = at.writer('w1')
  const sends: Promise<string>[] = []
  for (let i = 0; i < 200; i++) {
    sends.push(writer.append({ ...TO, channel: `c${i % 11}` }, text(`m${i}`), id => id))
    if (i % 3 === 0) await Promise.resolve()
    if (i % 7 === 0) await sends[at.random.int(sends.length)]
  }
  await Promise.all(sends)
  await writer.close()
  for (const [channel, bodies] of await deliver(at)) {
    const expected = numbered(200).filter((_, i) => `c${i % 11}` === channel)
    expect(bodies).toEqual(expected)
  }
})

test('closing commits what waits, seals, and refuses what comes after', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  const sends = numbered(10).map(body => writer.append(TO, text(body), id => id))
  await writer.close()
  await Promise.all(sends)
  await expect(writer.append(TO, text('late'), id => id)).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(writer.appendAll(TO, [text('late')], id => id)).rejects.toMatchObject({ code: 'CLOSED' })
  expect((await deliver(at)).get('common')).toEqual(numbered(10))
})

test('P6: a segment that could not be sealed when it made room for another keeps close from saying that all is in order', async () => {
  for (const mended of [false, true]) {
    const at = await desk({ limits: { filesOpenMax: 8 } })
    const writer = at.writer('w1')
    const to = (c: number) => ({ ...TO, channel: `c${c}` })
    await sendEach(writer, ['m0'], to(0))
    for (let c = 1; c < 8; c++) await sendEach(writer, ['m'], to(c))
    // The ninth place closes the first: the next write into its folder is its seal.
    const rule = at.disk.failNext({ call: 'writeSynced', code: 'ENOSPC', path: at => at.includes('/c0/') })
    await sendEach(writer, ['m'], to(8))
    while (rule.hits === 0) await Promise.resolve()
    if (mended) await sendEach(writer, ['m1'], to(0))
    if (mended) await writer.close()
    else await expect(writer.close()).rejects.toMatchObject({ code: 'DISK_FULL' })
  }
})

test('a place that is none is refused at once and harms nothing', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  expect(() => writer.append({ ...TO, priority: 10 }, text('x'), id => id)).toThrow(TypeError)
  expect(() => writer.append({ ...TO, peer: '../x' }, text('x'), id => id)).toThrow(TypeError)
  await sendEach(writer, ['a'])
})

test('every call of the disk failed once: what was told is there, in order, and the next send works', async () => {
  for (const call of ['makeFolder', 'syncFolder', 'list', 'create', 'writeSynced'] as const) {
    for (let after = 0; after < 6; after++) {
      const at = await desk()
      const writer = at.writer('w1')
      const rule = at.disk.failNext({ call, code: 'EIO', after, path: path => path.startsWith('/s/outbox') })
      const told: string[] = []
      for (const body of numbered(8)) {
        await writer
          .append(TO, text(body), id => id)
          .then(
            () => told.push(body),
            (error: unknown) => expect(error).toMatchObject({ name: 'DroprError', code: 'DISK_ERROR' })
          )
      }
      rule.remove()
      await writer.close().catch(() => undefined)
      at.alive.clear()
      const got = (await deliver(at)).get('common') ?? []
      expect(told.length).toBeGreaterThanOrEqual(7)
      expect(got.filter(body => told.includes(body))).toEqual(told)
      expect(new Set(got).size).toBe(got.length)
    }
  }
})

test('too few files: a typed error, then fewer are kept open and sending goes on', async () => {
  const at = await desk()
  const writer = at.writer('w1')
  at.disk.handlesMax = 12
  const channels = numbered(30, 'c')
  let refused = 0
  for (const channel of [...channels, ...channels, ...channels]) {
    await writer
      .append({ ...TO, channel }, text(channel), id => id)
      .catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'FILES_EXHAUSTED', retry: true })
        refused++
      })
  }
  expect(refused).toBeGreaterThan(0)
  expect(refused).toBeLessThan(10)
})
