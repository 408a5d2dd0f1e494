import { expect, test } from 'vitest'
import { wantedOf } from '../../src/web/range.ts'

const ETAG = `"${'a'.repeat(64)}"`
const ask = (range: string | undefined, ifRange?: string, bytes = 1_000) =>
  wantedOf({ range, ifRange }, { bytes, etag: ETAG })

test.each([
  ['bytes=0-', { from: 0, to: 1_000 }],
  ['bytes=999-', { from: 999, to: 1_000 }],
  ['bytes=10-19', { from: 10, to: 20 }],
  ['bytes=990-5000', { from: 990, to: 1_000 }],
  ['bytes=-1', { from: 999, to: 1_000 }],
  ['bytes=-5000', { from: 0, to: 1_000 }],
  ['Bytes = 5 - 6', { from: 5, to: 7 }],
  ['bytes=1000-', 'none'],
  ['bytes=-0', 'none'],
  ['bytes=999999999999999-', 'none'],
  [undefined, 'all'],
  ['bytes=-', 'all'],
  ['bytes=20-10', 'all'],
  ['bytes=0-1,5-6', 'all'],
  ['bytes=0x1-', 'all'],
  ['bytes=1e3-', 'all'],
  ['items=0-1', 'all'],
  [`bytes=${'9'.repeat(30)}-`, 'all']
] as const)('of 1,000 bytes %s is %j', (range, wanted) => {
  expect(ask(range)).toEqual(wanted)
})

test('a part is given of the same body only; a weak tag or a date never says that it is', () => {
  expect(ask('bytes=5-', ETAG)).toEqual({ from: 5, to: 1_000 })
  for (const other of [`"${'b'.repeat(64)}"`, `W/${ETAG}`, 'Sun, 06 Nov 1994 08:49:37 GMT', ''])
    expect(ask('bytes=5-', other), other).toBe('all')
})

test('of nothing there is no part', () => {
  for (const range of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) expect(ask(range, undefined, 0)).toBe('none')
})
