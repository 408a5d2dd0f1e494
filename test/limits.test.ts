import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { DEFAULT_LIMITS, LIMITS, type LimitRow, limitsFrom } from '../src/limits.ts'

const rows: [string, LimitRow][] = Object.entries(LIMITS)

test('every limit has a default within its range, whole, and a reason', () => {
  for (const [name, row] of rows) {
    expect([row.default, row.min, row.max].every(Number.isSafeInteger), name).toBe(true)
    expect(row.min <= row.default && row.default <= row.max, name).toBe(true)
    expect(row.why.length, name).toBeGreaterThan(10)
  }
})

test('the name of every limit ends with its unit or says that it is a count', () => {
  for (const [name] of rows) expect(name).toMatch(/(?:Ms|Bytes|Max|Min|PerSecondMin)$/)
})

test('changes go on top of the defaults and leave them as they are', () => {
  expect(limitsFrom({ leaseMs: 500 })).toEqual({ ...DEFAULT_LIMITS, leaseMs: 500 })
  expect(limitsFrom({})).toEqual(DEFAULT_LIMITS)
  expect(Object.isFrozen(DEFAULT_LIMITS)).toBe(true)
})

test('the ends of every range are taken and what lies beyond is refused by name', () => {
  for (const [name, row] of rows) {
    expect(limitsFrom({ [name]: row.min })).toMatchObject({ [name]: row.min })
    expect(limitsFrom({ [name]: row.max })).toMatchObject({ [name]: row.max })
    for (const value of [row.min - 1, row.max + 1, row.min + 0.5, Number.NaN, '5', null, undefined, 5n]) {
      expect(() => limitsFrom({ [name]: value }), `${name} ${inspect(value)}`).toThrow(`limits.${name} must be`)
    }
  }
})

test('a limit that does not exist is refused, also one that every object has', () => {
  for (const name of ['lease', 'toString', 'constructor', '__proto__x']) {
    expect(() => limitsFrom({ [name]: 1 })).toThrow(`limits.${name} is not a limit`)
  }
  expect(() => limitsFrom(JSON.parse('{"__proto__": 1}'))).toThrow('limits.__proto__ is not a limit')
})
