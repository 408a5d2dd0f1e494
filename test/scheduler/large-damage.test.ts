import { expect, test } from 'vitest'
import { SPOOL } from '../rows/sim-nodes.ts'
import { filesBelow } from '../sim/orphans.ts'
import { bed, blobs, bytesOf, DELAY_MS, scheduler, streamOf } from './large-desk.ts'

const INTAKE = `${SPOOL}/schedule/in`

test.each(['header', 'sum', 'id'])(
  'a body that only a damaged place of the intake names (its %s) goes with its segment, though its writer lives on; what that may still fill stays',
  async where => {
    const sim = bed(11, { segmentBytesMax: 65_536 })
    const { disk } = sim.machine('berlin')
    const names = () => [...disk.disk.folder(INTAKE).names.keys()].filter(name => name.endsWith('.blob'))
    const queue = await sim.queue('berlin')
    await sim.until(queue.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS }))
    const [writer, id] = names()[0]!.slice(0, -'.blob'.length).split('-') as [string, string]
    for (let i = 0; i < 80; i++) await sim.until(queue.sendMessage('x'.repeat(1_000), { delay: '1h' }))
    const first = `${INTAKE}/${writer}-00000001.seg`
    const idAt = disk.peek(first)!.indexOf(Buffer.from(id, 'hex'))
    disk.flip(first, { header: 64 + 30, sum: idAt - 20, id: idAt + 3 }[where]!, 1)
    const filling = `${writer}-${'ff'.repeat(8)}.blob`
    disk.plant(`${INTAKE}/${filling}`, 'x')
    await scheduler(sim)
    await sim.clock.advance(180_000)
    expect(disk.peek(first)).toBeUndefined()
    expect(names()).toEqual([filling])
  }
)

test('a body whose message can no longer be read where it was held goes with that segment, while the scheduler lives on', async () => {
  const sim = bed(12)
  const { disk } = sim.machine('berlin')
  const queue = await sim.queue('berlin')
  await scheduler(sim)
  await sim.until(queue.sendMessage(streamOf(bytesOf(4_000)), { delay: DELAY_MS, id: 'film' }))
  await sim.until(queue.sendMessage('other', { delay: DELAY_MS, id: 'other' }))
  await sim.clock.advance(5_000)
  expect(await blobs(sim, 'schedule')).toEqual(['/blobs'])
  const isBucket = (path: string) => path.endsWith('.seg') && !/\/schedule\/(in|marks)\//.test(path)
  const [held, ...more] = [...filesBelow(disk.disk.folder(`${SPOOL}/schedule`), `${SPOOL}/schedule`)].filter(isBucket)
  expect(more).toEqual([])
  disk.flip(held!, disk.peek(held!)!.indexOf('film') + 1, 1)
  await sim.clock.advance(DELAY_MS)
  expect((await sim.until(queue.poll({ wait: 5_000 })))!.id).toBe('other')
  await sim.clock.advance(120_000)
  expect(disk.peek(held!)).toBeUndefined()
  expect(await blobs(sim, 'schedule')).toEqual([])
})
