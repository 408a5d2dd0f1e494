import { expect, test } from 'vitest'
import { hintOfPath, parseAsk } from '../../src/client/hints.ts'
import { encodeChannel } from '../../src/names.ts'

test('a poke says where something is to send', () => {
  const line = '{"op":"poke","peer":"tokyo","channel":"größe","priority":4,"n":3}'
  expect(parseAsk(line)).toEqual({ op: 'poke', hint: { peer: 'tokyo', where: { channel: 'größe', priority: 4 } } })
})

test('a poke may name the file and how much of it is written', () => {
  const about = { op: 'poke', peer: 'a', channel: 'c', priority: 4, path: '/x/1.seg', end: 77 }
  expect(parseAsk(JSON.stringify(about))).toMatchObject({ hint: { where: { path: '/x/1.seg', end: 77 } } })
  expect(parseAsk(JSON.stringify({ ...about, end: 'x' }))).toMatchObject({ hint: { where: { path: '/x/1.seg' } } })
})

test('a poke that is vague or wrong about the place still names its peer, and anything else is ignored', () => {
  expect(parseAsk('{"op":"poke","peer":"a"}')).toEqual({ op: 'poke', hint: { peer: 'a', where: undefined } })
  expect(parseAsk('{"op":"poke","peer":"a","channel":"c","priority":10}')).toMatchObject({ hint: { where: undefined } })
  expect(parseAsk('{"op":"kick"}')).toEqual({ op: 'kick', peer: undefined })
  expect(parseAsk('{"op":"kick","peer":"a"}')).toEqual({ op: 'kick', peer: 'a' })
  for (const line of ['', 'x', 'null', '3', '[]', '{}', '{"op":"poke"}', '{"op":"poke","peer":1}', '{"op":"stop"}']) {
    expect(parseAsk(line)).toBeUndefined()
  }
})

test('a path below the outbox is a hint as far as it can be read', () => {
  const box = '/spool/outbox'
  for (const channel of ['common', 'orders/eu', 'Größe', '???']) {
    const path = `${box}/tokyo/${encodeChannel(channel)}/4/abc-1.seg`
    expect(hintOfPath(box, path)).toEqual({ peer: 'tokyo', where: { channel, priority: 4, path } })
  }
  expect(hintOfPath(box, `${box}/tokyo`)).toEqual({ peer: 'tokyo', where: undefined })
  expect(hintOfPath(box, `${box}/tokyo/common/4`)).toEqual({ peer: 'tokyo', where: { channel: 'common', priority: 4 } })
  expect(hintOfPath(box, `${box}/tokyo/common`)).toEqual({ peer: 'tokyo', where: undefined })
  expect(hintOfPath(box, `${box}/tokyo/COMMON/4`)).toEqual({ peer: 'tokyo', where: undefined })
  expect(hintOfPath(box, `${box}/tokyo/common/44`)).toEqual({ peer: 'tokyo', where: undefined })
  expect(hintOfPath(box, box)).toBeUndefined()
  expect(hintOfPath(box, '/elsewhere/tokyo/common/4')).toBeUndefined()
})
