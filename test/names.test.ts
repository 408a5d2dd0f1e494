import { resolve, sep } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkChannel, checkPeer, decodeChannel, encodeChannel } from '../src/names.ts'
import { codePoint } from './code-point.ts'

const AWKWARD = [
  '.',
  '..',
  '...',
  '../..',
  '../../etc/passwd',
  '/etc/passwd',
  'a/b',
  'a\\b',
  'C:\\x',
  'CON',
  'con',
  'nul.txt',
  '.hidden',
  'trailing.',
  'trailing ',
  ' ',
  '~',
  '~61',
  '%',
  '%2f',
  '%2F',
  '..%2f',
  '???',
  '*',
  'größe',
  'grössE',
  'ÅNGSTRÖM',
  'A\u030A',
  '日本語',
  '🙂'.repeat(30),
  '__proto__',
  'constructor',
  'toString',
  '\u202Etxt',
  '-',
  '--help',
  '$(reboot)',
  "';--",
  'x'.repeat(120),
  'X'.repeat(120),
  'é'.repeat(60),
  '.'.repeat(120)
]

const fits = (text: string): boolean => {
  try {
    checkChannel(text)
    return true
  } catch {
    return false
  }
}
const channels = fc
  .oneof(
    fc.string({ unit: codePoint, minLength: 1, maxLength: 120 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom('a', 'Z', '.', '/', '%', '~', '2', 'e', '_', '-'),
      minLength: 1,
      maxLength: 120
    }),
    fc.constantFrom(...AWKWARD)
  )
  .filter(fits)

test('SEC-1: every channel name comes back from its folder name', () => {
  fc.assert(
    fc.property(channels, channel => decodeChannel(encodeChannel(channel)) === channel),
    { numRuns: 2_000 }
  )
})

test('SEC-1: no folder name leaves its room, is hidden, or is too long for a file system', () => {
  fc.assert(
    fc.property(channels, channel => {
      const folder = encodeChannel(channel)
      expect(resolve('/room', folder)).toBe(`/room${sep}${folder}`)
      expect(folder).toMatch(/^[a-z0-9_%~-](?:[a-z0-9_.%-]*[a-z0-9_%-])?$/)
      expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(255)
    }),
    { numRuns: 2_000 }
  )
})

test('SEC-1: names that differ only by case or normalisation keep folders that no file system merges', () => {
  const merged = (text: string) => text.normalize('NFKC').toLowerCase()
  fc.assert(
    fc.property(channels, channel => {
      const others = [channel.toLowerCase(), channel.toUpperCase(), channel.normalize('NFD'), channel.normalize('NFC')]
      for (const other of others.filter(name => name !== channel && fits(name))) {
        expect(merged(encodeChannel(other))).not.toBe(merged(encodeChannel(channel)))
      }
    }),
    { numRuns: 1_000 }
  )
})

test('SEC-1: two channels never share a folder, whatever the case rules of the disk', () => {
  fc.assert(
    fc.property(fc.uniqueArray(channels, { minLength: 2, maxLength: 30 }), names => {
      expect(new Set(names.map(name => encodeChannel(name).toLowerCase())).size).toBe(names.length)
    })
  )
})

test('plain names stay readable and all that is not plain is encoded, upper case too', () => {
  expect(encodeChannel('CON')).toBe('%43%4f%4e')
  expect(encodeChannel('orders')).toBe('orders')
  expect(encodeChannel('orders.eu')).toBe('orders.eu')
  expect(encodeChannel('..')).toBe('%2e%2e')
  expect(encodeChannel('orders/eu')).toBe('orders%2feu')
})

test('a name of 1 to 120 bytes is taken, one of 0 or 121 is refused', () => {
  for (const name of ['a', 'x'.repeat(120), 'é'.repeat(60), ...AWKWARD]) expect(checkChannel(name)).toBe(name)
  for (const name of ['', 'x'.repeat(121), 'é'.repeat(61), undefined, null, 5, {}, ['a']]) {
    expect(() => checkChannel(name), inspect(name)).toThrow(TypeError)
  }
})

test('SEC-1: control characters and broken surrogates are refused', () => {
  for (const name of ['a\0b', 'a\nb', '\r', '\t', '\u007f', '\u0085', '\ud800', 'a\udc00b']) {
    expect(() => checkChannel(name), JSON.stringify(name)).toThrow(TypeError)
  }
})

test('a folder that dropr did not make is no channel', () => {
  for (const folder of [
    '',
    '.',
    '..',
    'A',
    'a b',
    '%41b%',
    '%4',
    '%zz',
    '%61',
    '.a',
    'a.',
    '~',
    '~6',
    '~61',
    '~zz',
    'é',
    'x/y'
  ]) {
    expect(decodeChannel(folder), folder).toBeUndefined()
  }
})

test('any text is either no folder of ours or the only folder of its channel', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'A', '.', '%', '4', '1', '~', 'f', '/') }), folder => {
      const channel = decodeChannel(folder)
      expect(channel === undefined || encodeChannel(channel) === folder).toBe(true)
    })
  )
})

test('SEC-1: a peer name is 1 to 63 of a-z 0-9 -', () => {
  for (const name of ['a', 'node-3f', '0', '-', 'x'.repeat(63)]) expect(checkPeer(name)).toBe(name)
  for (const name of ['', 'x'.repeat(64), 'A', 'a.b', '..', 'a/b', 'a\n', 'ü', undefined, 7, '__proto__']) {
    expect(() => checkPeer(name, 'to'), inspect(name)).toThrow(/^to must be /)
  }
})
