import { expect, test } from 'vitest'
import { SimClock } from '../../src/system/sim/index.ts'
import { type Address, LookUps } from '../../src/wire/look-ups.ts'

const at = (address: string): Address[] => [{ address, family: 4 }]

/** A resolver with two threads, as the system's. Hosts called `dead…` hold theirs for 10 s and fail. */
function desk() {
  const clock = new SimClock()
  let running = 0
  let most = 0
  const asked: string[] = []
  const answers = new Map<string, () => Promise<Address[]>>()
  const lookUps = new LookUps(clock, async host => {
    asked.push(host)
    most = Math.max(most, ++running)
    try {
      const answer = answers.get(host)
      if (answer) return await answer()
      await clock.sleep(host.startsWith('dead') ? 10_000 : 1)
      if (host.startsWith('dead')) throw Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' })
      return at('10.0.0.1')
    } finally {
      running--
    }
  })
  return { clock, lookUps, asked, answers, most: () => most }
}

async function msOf<T>(clock: SimClock, promise: Promise<T>): Promise<number> {
  const began = clock.ticks()
  await clock.until(promise)
  return clock.ticks() - began
}

test('a host is asked for once at a time, however many connections want it, and again for the next one', async () => {
  const { clock, lookUps, asked } = desk()
  await clock.until(Promise.all([lookUps.addresses('a'), lookUps.addresses('a'), lookUps.addresses('a')]))
  expect(asked).toEqual(['a'])
  await clock.until(lookUps.addresses('a'))
  expect(asked).toEqual(['a', 'a'])
})

test('never more than two look-ups run, and dead hosts, once known as slow, take one of them', async () => {
  const { clock, lookUps, most } = desk()
  const dead = Array.from({ length: 6 }, (_, i) => lookUps.addresses(`dead${i}`).catch(() => undefined))
  await clock.until(Promise.all(dead))
  expect(most()).toBe(2)
  for (let i = 0; i < 6; i++) lookUps.addresses(`dead${i}`).catch(() => undefined)
  await clock.advance(1)
  expect(await msOf(clock, lookUps.addresses('fresh'))).toBeLessThan(10)
})

test('a host that was found before is not held up by dead ones: its last addresses are used meanwhile', async () => {
  const { clock, lookUps } = desk()
  await clock.until(lookUps.addresses('live'))
  for (let i = 0; i < 50; i++) lookUps.addresses(`dead${i}`).catch(() => undefined)
  await clock.advance(1)
  const found = lookUps.addresses('live')
  expect(await msOf(clock, found)).toBeLessThanOrEqual(250)
  expect(await found).toEqual(at('10.0.0.1'))
})

test('a host that moved is found at its new address, and one that is gone is not', async () => {
  const { clock, lookUps, answers } = desk()
  await clock.until(lookUps.addresses('live'))
  answers.set('live', async () => at('10.0.0.2'))
  expect(await clock.until(lookUps.addresses('live'))).toEqual(at('10.0.0.2'))
  answers.set('live', async () => {
    throw Object.assign(new Error('gone'), { code: 'ENOTFOUND' })
  })
  await expect(clock.until(lookUps.addresses('live'))).rejects.toMatchObject({ code: 'ENOTFOUND' })
})

test('a resolver that is out of order does not change where a host is', async () => {
  const { clock, lookUps, answers } = desk()
  await clock.until(lookUps.addresses('live'))
  answers.set('live', async () => {
    throw Object.assign(new Error('later'), { code: 'EAI_AGAIN' })
  })
  expect(await clock.until(lookUps.addresses('live'))).toEqual(at('10.0.0.1'))
})

test('the callback gives one address or all, and an error for none', async () => {
  const { clock, lookUps, answers } = desk()
  answers.set('none', async () => [])
  const ask = (host: string, all: boolean) =>
    clock.until(new Promise(resolve => lookUps.lookup(host, { all }, (...result) => resolve(result))))
  expect(await ask('a', true)).toEqual([null, at('10.0.0.1')])
  expect(await ask('a', false)).toEqual([null, '10.0.0.1', 4])
  expect(await ask('none', false)).toEqual([expect.objectContaining({ code: 'ENOTFOUND' }), ''])
})
