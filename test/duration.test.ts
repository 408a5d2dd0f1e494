import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { durationMs } from '../src/duration.ts'

test('seconds, minutes, hours and days become milliseconds', () => {
  expect(['10s', '5m', '2h', '1d', '0s'].map(text => durationMs(text, 'wait'))).toEqual([
    10_000, 300_000, 7_200_000, 86_400_000, 0
  ])
})

test('a number is milliseconds as it is', () => {
  fc.assert(fc.property(fc.nat(), ms => durationMs(ms, 'wait') === ms))
})

test('what is not a span of time is refused with the name of the option', () => {
  const bad = ['', '10', '10 s', '-1s', '1.5h', '1w', '10S', '1d2h', `${'9'.repeat(13)}s`, '999999999999d']
  for (const value of [...bad, -1, 1.5, Number.NaN, Infinity, 2 ** 53, null, undefined, {}, ['5m'], true, 5n]) {
    expect(() => durationMs(value, 'lease'), inspect(value)).toThrow(TypeError)
    expect(() => durationMs(value, 'lease')).toThrow(/^lease must be /)
  }
})
