import { expect, test } from 'vitest'
import {
  isLoopback,
  mayLook,
  peerOf,
  type RequestFacts,
  refuseForeignPage,
  refuseHost
} from '../../src/server/http-guard.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { acceptedFrom, newToken, tokenDigest } from '../../src/wire/token.ts'

const facts = (changes: Partial<RequestFacts> = {}): RequestFacts => ({
  host: 'localhost:7700',
  origin: undefined,
  secFetchSite: undefined,
  authorization: undefined,
  node: 'berlin',
  remoteAddress: '127.0.0.1',
  localAddress: '127.0.0.1',
  ...changes
})

const token = newToken(new SimRandom(1))
const accepted = acceptedFrom(
  new Map([
    ['berlin', tokenDigest(token).toString('hex')],
    ['rome', 'ab'.repeat(32)]
  ])
)
const open = { hosts: new Set(['tokyo.example']), accepted: new Map() }
const closed = { hosts: new Set<string>(), accepted }

test.each([
  'localhost',
  'LOCALHOST:1',
  '127.0.0.1:7700',
  '[::1]:7700',
  'tokyo.example',
  'tokyo.example:80',
  '10.0.0.5:7700'
])('a request for Host %s is taken', host => {
  expect(refuseHost(facts({ host, localAddress: '::ffff:10.0.0.5' }), open)).toBeUndefined()
})

test.each([
  undefined,
  '',
  'evil.example',
  'tokyo.example.evil.example',
  'localhost.evil.example',
  '10.0.0.6',
  'localhost:99999999',
  'localhost@evil',
  '[::1',
  '__proto__'
])('SEC-5: a request for Host %s is refused with 421', host => {
  expect(refuseHost(facts({ host, localAddress: '10.0.0.5' }), open)).toMatchObject({ status: 421 })
})

test('SEC-6: what a browser sends for a page of another site is refused, for our own is not', () => {
  const ours = [{}, { origin: 'http://localhost:7700' }, { secFetchSite: 'same-origin' }, { secFetchSite: 'none' }]
  for (const changes of ours) expect(refuseForeignPage(facts(changes))).toBeUndefined()
  const foreign = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:7701' },
    { secFetchSite: 'cross-site' },
    { secFetchSite: 'same-site' },
    { origin: 'http://localhost:7700', secFetchSite: 'cross-site' }
  ]
  for (const changes of foreign) expect(refuseForeignPage(facts(changes))).toMatchObject({ status: 403 })
})

test('SEC-8: a token proves the peer whose digest is accepted, and no other', () => {
  const authorization = `Bearer ${token}`
  expect(peerOf(facts({ authorization, remoteAddress: '10.9.9.9' }), closed)).toEqual({ peer: 'berlin' })
  expect(peerOf(facts({ authorization, node: 'rome' }), closed)).toMatchObject({ status: 401 })
  const wrong = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${'ab'.repeat(32)}`,
    token
  ]
  for (const authorization of wrong) {
    expect(peerOf(facts({ authorization }), closed)).toMatchObject({ status: 401, code: 'PEER_FORBIDDEN' })
    expect(mayLook(facts({ authorization }), closed)).toBe(false)
  }
  expect(mayLook(facts({ authorization }), closed)).toBe(false)
  expect(mayLook(facts({ authorization }), { ...closed, node: 'berlin' })).toBe(true)
})

test('with no accepted peers only this machine is heard, under the name that it gives', () => {
  expect(peerOf(facts(), open)).toEqual({ peer: 'berlin' })
  expect(peerOf(facts({ remoteAddress: '10.0.0.9' }), open)).toMatchObject({ status: 401 })
  expect(peerOf(facts({ remoteAddress: undefined }), open)).toMatchObject({ status: 401 })
  expect(peerOf(facts({ node: undefined }), open)).toMatchObject({ status: 400 })
})

test('SEC-4: loopback is 127.x.x.x, ::1 and localhost, however written, and nothing else', () => {
  for (const address of ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1', 'localhost'])
    expect(isLoopback(address)).toBe(true)
  for (const address of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '127.0.0.1.evil.example', undefined]) {
    expect(isLoopback(address)).toBe(false)
  }
})

test('a digest that is none is refused, and named', () => {
  expect(() => acceptedFrom(new Map([['berlin', 'secret']]))).toThrow(/accept\.berlin/)
})

test('SEC-8: tokens are 256 random bits', () => {
  expect(newToken(new SimRandom(2))).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(newToken(new SimRandom(2))).not.toBe(newToken(new SimRandom(3)))
})
