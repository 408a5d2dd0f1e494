import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeHeaderText, encodeHeaderName, encodeHeaderText } from '../../src/web/header-text.ts'

const text = fc.string({ unit: 'grapheme' }).filter(value => value.isWellFormed())

test('any text goes through a header and comes back, in visible ASCII without spaces at its ends', () => {
  fc.assert(
    fc.property(text, value => {
      const encoded = encodeHeaderText(value)
      expect(encoded).toMatch(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/)
      expect(decodeHeaderText(encoded, 'x')).toBe(value)
    })
  )
})

test('any text goes through the name of a header, whatever is done to its case', () => {
  fc.assert(
    fc.property(text, value => {
      const encoded = encodeHeaderName(value)
      expect(encoded).toMatch(/^[\w!#$%&'*+.^`|~-]*$/)
      expect(decodeHeaderText(encoded.toLowerCase(), 'x')).toBe(value)
    })
  )
})

test('UTF-8 that was not encoded is taken as well', () => {
  expect(decodeHeaderText(Buffer.from('größe').toString('latin1'), 'x')).toBe('größe')
  expect(() => decodeHeaderText('\xff', 'x')).toThrow('x must be UTF-8')
})
