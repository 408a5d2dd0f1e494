import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { lostHere } from '../../src/spool/lost-here.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimWorld } from '../../src/system/sim/index.ts'

const STREAM = 'ab'.repeat(16)

test('a note in corrupt/ that somebody has changed says nothing, and keeps no other from being read', async () => {
  const world = new SimWorld({ seed: 'notes' })
  const { clock } = world
  const system = world.node('berlin').process('app')
  const spool = await clock.until(Spool.open({ system, path: '/s', node: 'berlin', limits: DEFAULT_LIMITS }))
  const put = (name: string, text: string) =>
    clock.until(system.files.replace(`${spool.corrupt}/${STREAM}-${name}.json`, text))
  const bad = [
    '',
    '{',
    'null',
    '3',
    '[]',
    '{"lostPositions":{}}',
    '{"lostPositions":"x"}',
    '{"lostPositions":[null,7,"ab"]}'
  ]
  await clock.until(spool.folders.ensure(spool.corrupt))
  for (const [i, text] of bad.entries()) await put(`${i}`, text)
  expect(await clock.until(lostHere(spool, STREAM, 5))).toBeUndefined()
  const foundAt = '2026-01-02T03:04:05.000Z'
  await put('900', JSON.stringify({ lostPositions: [null, [0, 9, 'other'], [5, 6]], foundAt }))
  expect(await clock.until(lostHere(spool, STREAM, 5))).toBe(Date.parse(foundAt))
  expect(await clock.until(lostHere(spool, STREAM, 6))).toBeUndefined()
  await put('900', JSON.stringify({ lostPositions: [[5, 6]], foundAt: {} }))
  expect(await clock.until(lostHere(spool, STREAM, 5))).toBe(clock.now())
})
