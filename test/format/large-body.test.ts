import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { encodeBlob } from '../../src/journal/blob-entry.ts'
import { blobOf, hasBlob } from '../../src/journal/blob-of.ts'
import { decodeMessage, encodeMessage, entryFault, messageBytesMost } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'

/** A message whose body lies in a file of its own, as version 1 wrote it. */
const GOLDEN = fileURLToPath(new URL('./large-body-v1.hex', import.meta.url))
const golden = () => Buffer.from(readFileSync(GOLDEN, 'latin1').replace(/\s/g, ''), 'hex')

const BLOB = { kind: 'json' as const, bytes: 10_737_418_240, sha256: 'a1'.repeat(32), id: '0123456789abcdef' }

function encoded(more: Partial<Draft> = {}): Buffer {
  const body = encodeBlob(BLOB)
  const draft: Draft = { kind: 'bytes', blob: true, body, sentAt: 1_700_000_000_000, id: 'film', ...more }
  const into = Buffer.alloc(messageBytesMost(draft))
  return into.subarray(0, encodeMessage(draft, new Ids(new SimClock(), new SimRandom('x')), into, 0))
}

test('this version writes and reads the entry of a large body as version 1 did', () => {
  expect(encoded({ headers: { a: 'b' } }).toString('hex')).toBe(golden().toString('hex'))
  expect(entryFault(golden(), 0)).toBeUndefined()
  expect(decodeMessage(golden(), 0)).toMatchObject({
    id: 'film',
    kind: 'json',
    body: Buffer.alloc(0),
    headers: { a: 'b' }
  })
  expect(blobOf(golden(), 0)).toEqual(BLOB)
})

test('an entry whose description of a large body is cut, longer or of an unknown kind is malformed', () => {
  for (const body of [Buffer.alloc(47), Buffer.alloc(49), Buffer.alloc(0), Buffer.alloc(48, 3)])
    expect(entryFault(encoded({ body }), 0)).toMatch(/large body/)
  expect(hasBlob(encoded(), 0)).toBe(true)
  expect(hasBlob(encoded({ blob: undefined } as unknown as Partial<Draft>), 0)).toBe(false)
})
