import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSafeJson } from '../../src/wire/safe-json.ts'

test('what JSON.parse reads is read the same, unless it is poisoned or deep', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), text => {
      if (text.includes('__proto__')) return
      expect(parseSafeJson(text)).toEqual(JSON.parse(text))
    })
  )
})

test.each([
  '{"__proto__":{"a":1}}',
  '{"a":[{"__proto__":null}]}',
  '{"\\u005f_proto__":1}',
  '{"\\u005f\\u005fproto\\u005f\\u005f":1}',
  '{"__proto__" :1,"a":2}'
])('SEC-3: %s is refused', text => {
  expect(() => parseSafeJson(text)).toThrow(SyntaxError)
})

test('`__proto__` as a value, and keys that only look odd, are read', () => {
  expect(parseSafeJson('["__proto__"]')).toEqual(['__proto__'])
  expect(parseSafeJson('{"constructor":1,"toString":2}')).toMatchObject({ constructor: 1, toString: 2 })
})

test('SEC-3: 64 levels are read, 65 and 200,000 refused, and brackets in texts do not count', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(parseSafeJson(nested(64))).toBeInstanceOf(Array)
  expect(() => parseSafeJson(nested(65))).toThrow(SyntaxError)
  expect(() => parseSafeJson('['.repeat(200_000))).toThrow(SyntaxError)
  expect(parseSafeJson(JSON.stringify(`\\"${'['.repeat(100)}`))).toBeTypeOf('string')
})
