import { expect, test } from 'vitest'
import { Patience } from '../../src/server/patience.ts'
import { Silence } from '../../src/server/silence.ts'
import { SimClock } from '../../src/system/sim/sim-clock.ts'

const never = () => new Promise<string>(() => undefined)

test('each question has its own time, however many are asked, with one timer for all', async () => {
  const clock = new SimClock()
  const patience = new Patience(clock)
  const late: string[] = []
  const ask = (name: string, ms: number, answer = never()) =>
    patience.within(ms, answer).catch((error: unknown) => {
      expect(error).toBeInstanceOf(Silence)
      late.push(`${name} at ${clock.ticks()}`)
      return ''
    })
  void ask('long', 20_000)
  void ask('short', 10_000)
  await clock.advance(4_000)
  for (let n = 0; n < 1_000; n++) void ask('answered', 10_000, Promise.resolve('ok'))
  const answered = ask(
    'slow',
    10_000,
    clock.sleep(9_999).then(() => 'ok')
  )
  void ask('later', 10_000)
  expect(clock.pending).toBeLessThan(5)
  expect(await clock.until(answered)).toBe('ok')
  await clock.run()
  expect(late).toEqual(['short at 10000', 'later at 14000', 'long at 20000'])
  expect(clock.pending).toBe(0)
})

test('what the answer rejects with is passed on', async () => {
  const clock = new SimClock()
  const failed = new Error('failed')
  await expect(new Patience(clock).within(1_000, Promise.reject(failed))).rejects.toBe(failed)
})
