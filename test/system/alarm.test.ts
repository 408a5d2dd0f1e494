import { expect, test } from 'vitest'
import { Alarm } from '../../src/system/alarm.ts'
import { SimClock } from '../../src/system/sim/index.ts'

function ringing() {
  const clock = new SimClock()
  const rings: number[] = []
  const alarm = new Alarm(clock, () => rings.push(clock.ticks()))
  return { clock, rings, alarm }
}

test('an alarm set earlier rings earlier, and once', async () => {
  const { clock, rings, alarm } = ringing()
  alarm.set(500)
  alarm.set(100)
  alarm.set(300)
  await clock.advance(1_000)
  expect(rings).toEqual([100])
})

test('an alarm in the past rings at once, none is set for never, and a closed one is silent', async () => {
  const { clock, rings, alarm } = ringing()
  alarm.set(undefined)
  alarm.set(Number.POSITIVE_INFINITY)
  expect(clock.pending).toBe(0)
  alarm.set(-5)
  await clock.advance(1)
  expect(rings).toEqual([0])
  alarm.set(10)
  alarm.close()
  alarm.set(20)
  await clock.advance(100)
  expect(rings).toEqual([0])
  expect(clock.pending).toBe(0)
})

test('an alarm a day ahead never sleeps longer than an hour at a time', async () => {
  const { clock, rings, alarm } = ringing()
  alarm.set(86_400_000)
  await clock.advance(3_600_000)
  expect(rings).toEqual([3_600_000])
})
