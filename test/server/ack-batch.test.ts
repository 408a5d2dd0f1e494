import { expect, test } from 'vitest'
import { InboxBed, rangeOf, texts, verdict } from './inbox-bed.ts'

/** Ticks until each of `count` acks, told one after the other's answer, had its own. */
async function answers(
  bed: InboxBed,
  count: number,
  quiet: (i: number) => boolean,
  drafts = texts(count)
): Promise<number[]> {
  const inbox = await bed.open()
  await bed.until(inbox.appendRange(rangeOf('s', 0, drafts)))
  const port = inbox.port({ own: true })
  const took: number[] = []
  for (let i = 0; i < count; i++) {
    const claim = await bed.until(port.claim(bed.ask(1)))
    const at = bed.world.clock.ticks()
    const [ack] = verdict(claim, 'ack')
    expect(await bed.until(port.settle([{ ...ack!, quiet: quiet(i) }]))).toEqual(['ok'])
    took.push(bed.world.clock.ticks() - at)
  }
  return took
}

test('acks that nobody waits for rest up to 5 ms between two syncs, the first one not', async () => {
  const [first, ...others] = await answers(new InboxBed(1), 20, () => true)
  expect(first).toBeLessThan(2)
  for (const ms of others) {
    expect(ms).toBeGreaterThan(3)
    expect(ms).toBeLessThan(8)
  }
})

test('an ack that somebody waits for does not rest', async () => {
  for (const ms of await answers(new InboxBed(1), 20, () => false)) expect(ms).toBeLessThan(2)
})

test('where few may be held at once no ack rests: the next message waits for it', async () => {
  const bed = new InboxBed(1)
  bed.channels.set('c', { leasedMax: 1 })
  for (const ms of await answers(bed, 20, () => true)) expect(ms).toBeLessThan(2)
})

test('an ack of a message with a key does not rest: the next of its key waits for it', async () => {
  const drafts = texts(20).map(draft => ({ ...draft, key: 'k' }))
  for (const ms of await answers(new InboxBed(1), 20, () => true, drafts)) expect(ms).toBeLessThan(2)
})
