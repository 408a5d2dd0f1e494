import { expect, test } from 'vitest'
import { beatMs, isStuck, silenceMs } from '../../src/angel/heartbeat.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'

const limits = DEFAULT_LIMITS

test('a child silent for heartbeatMsMax is stuck, and not one look earlier', () => {
  let silentMs = 0
  const looks: boolean[] = []
  for (let look = 0; look < 10; look++) {
    silentMs = silenceMs({ silentMs, elapsedMs: beatMs(limits) }, limits)
    looks.push(isStuck(silentMs, limits))
  }
  expect(looks.indexOf(true)).toBe(9)
})

test('an angel that slept for an hour does not take its children for stuck', () => {
  const silentMs = silenceMs({ silentMs: 0, elapsedMs: 3_600_000 }, limits)
  expect(isStuck(silentMs, limits)).toBe(false)
})
