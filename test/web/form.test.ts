import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formFields } from '../../src/web/form.ts'
import { codePoint } from '../code-point.ts'

test('what URLSearchParams writes is read back, whatever the texts', () => {
  const text = fc.string({ unit: codePoint })
  fc.assert(
    fc.property(fc.dictionary(text, text, { noNullPrototype: false }), given => {
      const fields = formFields(Buffer.from(new URLSearchParams(Object.entries(given)).toString()))
      expect(fields).toEqual(new Map(Object.entries(given)))
    })
  )
})

test.each([
  ['message=1+1=2', '1 1=2'],
  ['message=1%2B1', '1+1'],
  ['message=%252B', '%2B'],
  ['message=100%', '100%'],
  ['message=100%zz%2', '100%zz%2'],
  ["message=I'm scheduling a message!", "I'm scheduling a message!"],
  ['message=größe €', 'größe €'],
  ['message=gr%C3%B6%C3%9Fe%0A%00', 'größe\n\u0000'],
  ['message=a%26b', 'a&b'],
  ['message=%EF%BB%BFx', '\uFEFFx'],
  ['message', ''],
  ['', undefined],
  ['?message=1', undefined]
])('%s is decoded once', (body, message) => {
  expect(formFields(Buffer.from(body)).get('message')).toBe(message)
})

test('what is not UTF-8, or said twice, is refused', () => {
  expect(() => formFields(Buffer.from('message=%FF'))).toThrow('UTF-8')
  expect(() => formFields(Buffer.from([0x61, 0x3d, 0xe9]))).toThrow('UTF-8')
  expect(() => formFields(Buffer.from('message=%C3&x=%B6'))).toThrow('UTF-8')
  expect(() => formFields(Buffer.from('message=a&message=b'))).toThrow('twice')
})
