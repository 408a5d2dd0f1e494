import { expect, test } from 'vitest'
import { Lane } from '../../src/spool/lane.ts'
import { arriving, desk, drain, FOLDER, numbered, sendEach, TO } from './desk.ts'

test('what has arrived to its end holds no file open, and is read from anywhere when the peer has lost it', async () => {
  const { spool, openFiles, writer, clock } = await desk()
  const next = new Map<string, number>()
  const lane = new Lane({ ...TO, spool, openFiles, folder: FOLDER, next: stream => next.get(stream) ?? 0 })
  const bodies = numbered(40).map(body => body.padEnd(40_000, '.'))
  const out = writer('w1')
  await sendEach(out, bodies)
  await out.close()
  await lane.scan()
  for (const lost of [0, 30, 7, 39, 0]) {
    const [stream] = lane.ready()
    next.set(stream!.stream, lost)
    expect(lane.ready()).toEqual([stream])
    expect(arriving(await drain(stream!, lost))).toEqual(bodies.slice(lost))
    expect(openFiles.size).toBe(1)
    next.set(stream!.stream, bodies.length)
    expect(lane.ready()).toEqual([])
    await clock.advance(1)
    expect(openFiles.size).toBe(0)
    next.set(stream!.stream, 0)
  }
  await lane.close()
})
