import { expect, test } from 'vitest'
import { joinAccept, mayChannel } from '../../src/spool/channel-rights.ts'
import { parseConfig } from '../../src/spool/config-schema.ts'

const SHA = 'ab'.repeat(32)

test.each([
  [undefined, 'anything', true],
  [[], 'orders', false],
  [['*'], 'größe', true],
  [['orders/*', 'common'], 'orders/eu', true],
  [['orders/*', 'common'], 'orders', false],
  [['orders/*', 'common'], 'common', true],
  [['orders/*', 'common'], 'commons', false],
  [['orders.*'], 'orders/eu', false]
] as const)('SEC-10: with the rights %j channel %j may be sent to: %s', (rights, channel, may) => {
  expect(mayChannel(rights, channel)).toBe(may)
})

test('a peer that may send to some channels only is known with them, until a stronger source names it again', () => {
  const weak = parseConfig({
    accept: { tokyo: { token: SHA, channels: ['orders/*', 'common'] }, oslo: { token: SHA, channels: [] }, rome: SHA }
  })
  expect([...weak.accept]).toEqual(['tokyo', 'oslo', 'rome'].map(name => [name, SHA]))
  const config = { accept: new Map<string, string>() } as Parameters<typeof joinAccept>[0]
  joinAccept(config, weak)
  expect([...config.rights!]).toEqual([
    ['tokyo', ['orders/*', 'common']],
    ['oslo', []]
  ])
  joinAccept(config, parseConfig({ accept: { tokyo: SHA } }))
  expect([...config.rights!.keys()]).toEqual(['oslo'])
})

test.each([
  [{}, 'accept.a.token'],
  [{ token: SHA, channel: [] }, 'did you mean channels'],
  [{ token: SHA, channels: 'x' }, 'accept.a.channels'],
  [{ token: SHA, channels: ['a*b'] }, 'accept.a.channels'],
  [{ token: SHA, channels: [''] }, 'channel'],
  [{ token: SHA, channels: [5] }, 'accept.a.channels']
])('accept: { a: %j } is refused', (given, text) => {
  expect(() => parseConfig({ accept: { a: given } })).toThrow(text)
})
