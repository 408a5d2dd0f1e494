import { expect, test } from 'vitest'
import { MessageFates } from '../../src/server/message-fates.ts'
import { Spool } from '../../src/spool/spool.ts'
import { InboxBed, rangeOf, streamId, texts, verdict } from './inbox-bed.ts'

async function fatesOn(bed: InboxBed): Promise<MessageFates> {
  const system = bed.node.process('reader')
  const spool = await bed.until(Spool.open({ system, path: '/spool', limits: bed.limits }))
  return new MessageFates(spool, 'c')
}

test('a verdict whose commit failed never happened, though its bytes are on the disk', async () => {
  const bed = new InboxBed('void')
  await bed.open()
  await bed.until(bed.inbox.appendRange(rangeOf('a', 0, texts(2))))
  const port = bed.inbox.port({ own: false })
  const claim = await bed.until(port.claim(bed.ask(1)))
  const fates = await fatesOn(bed)
  const state = async () => {
    await bed.until(fates.look())
    const { arrivedAt, ending } = fates.of(streamId('a'), 0)
    return [arrivedAt !== undefined, ending?.how, ending?.reason]
  }
  fates.want(streamId('a'), 0, 1)
  bed.node.disk.faults.add({ call: 'writeSynced', code: 'EIO', partialBytes: 1e9 })
  await expect(bed.until(port.settle(verdict(claim, 'ack', { result: 1 })))).rejects.toThrow('EIO')
  // Whether it happened nobody can tell yet; from the next commit on it is known.
  await bed.until(port.settle(verdict(claim, 'reject', { reason: 'after all' })))
  expect(await state()).toEqual([true, 'dead', 'after all'])
})

test('many who ask about messages of a channel read it once, and who comes later hears of the past', async () => {
  const bed = new InboxBed('many')
  await bed.open()
  await bed.until(bed.inbox.appendRange(rangeOf('a', 0, texts(300))))
  const port = bed.inbox.port({ own: false })
  const claim = await bed.until(port.claim(bed.ask(300)))
  const fates = await fatesOn(bed)
  let opened = 0
  const path = (found: string) => {
    if (found.includes('/inbox/c/')) opened++
    return false
  }
  bed.node.disk.faults.add({ call: 'open', code: 'EIO', path })
  const a = streamId('a')
  for (let position = 0; position < 299; position++) fates.want(a, position, 1)
  await bed.until(fates.look())
  await bed.until(port.settle(verdict(claim, 'ack')))
  await bed.until(fates.look())
  expect(opened).toBeLessThan(10)
  fates.want(a, 299, 1)
  await bed.until(fates.look())
  for (const position of [0, 150, 299]) expect(fates.of(a, position).ending?.how).toBe('done')
  for (let position = 0; position < 299; position++) expect(fates.leave(a, position)).toBe(false)
  expect(fates.leave(a, 299)).toBe(true)
  expect(fates.of(a, 0)).toEqual({ arrivedAt: undefined, ending: undefined })
})
