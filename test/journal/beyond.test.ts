import { expect, test } from 'vitest'
import { listSegments } from '../../src/journal/segment-names.ts'
import { arriving, desk, drain, FOLDER, sendEach, streams } from '../spool/desk.ts'

test.each([
  [[false, false], ['<damaged>']],
  [[true, false], ['b']],
  [[false, true], ['<damaged>']],
  [[true, true], ['b']],
  [
    [false, true, false],
    ['<damaged>', 'c']
  ],
  [
    [true, false, true],
    ['b', '<damaged>']
  ],
  [
    [true, true, true],
    ['b', 'c']
  ]
])(
  'of damaged frames at the end of a stream all but the last are told, by headers damaged as they are (a header hit, or a body: %o)',
  async (inHeader, behind) => {
    for (const alive of [false, true]) {
      const at = await desk()
      const ends: number[] = []
      const writer = at.writer('w1', ({ end }) => {
        if (end !== undefined) ends.push(end)
      })
      await sendEach(writer, ['a', 'b', 'c', 'd'].slice(0, 1 + inHeader.length))
      const [segment] = await listSegments(at.disk, FOLDER)
      for (const [i, header] of inHeader.entries()) at.disk.flip(segment!.path, ends[i]! + (header ? 33 : 60), 3)
      const [stream] = await streams(at)
      if (!alive) stream!.setFinal()
      const got = arriving(await drain(stream!))
      if (alive) {
        expect(got).toEqual(['a'])
        await at.clock.advance(1_000)
        got.push(...arriving(await drain(stream!, 1)))
        for (let i = 0; i < inHeader.length; i++) {
          await at.clock.advance(1_000)
          got.push(...arriving(await drain(stream!, got.length)))
        }
      }
      expect(got).toEqual(['a', ...behind])
      expect(stream!.ended).toBe(alive ? undefined : got.length)
      const notes = (await at.disk.list('/s/corrupt')).filter(({ name }) => name.endsWith('.json'))
      expect(notes.length).toBe(behind.length)
      await stream!.release()
    }
  }
)

test('of a sealed stream each message is told, though all its frames and the seal are damaged', async () => {
  const at = await desk()
  const ends: number[] = []
  const writer = at.writer('w1', ({ end }) => {
    if (end !== undefined) ends.push(end)
  })
  await sendEach(writer, ['a', 'b', 'c'])
  await writer.close()
  const [segment] = await listSegments(at.disk, FOLDER)
  for (const begin of [64, ...ends.slice(0, 2)]) at.disk.flip(segment!.path, begin + 60, 3)
  at.disk.flip(segment!.path, ends[2]! + 17, 5)
  const [stream] = await streams(at)
  stream!.setFinal()
  expect(arriving(await drain(stream!))).toEqual(['<damaged>', '<damaged>', '<damaged>'])
  expect(stream!.ended).toBe(3)
})
