import { expect, test } from 'vitest'
import { type ClientDesk, serveLine } from '../../src/client/client-desk.ts'
import type { Line } from '../../src/system/sockets.ts'

test('who hints at a peer that rests is asked to be quiet about it until it is tried again, a second at most', () => {
  const said: unknown[] = []
  const line = { send: (text: string) => void said.push(JSON.parse(text)) } as unknown as Line
  let restMs = 0
  serveLine(line, { poke: () => restMs } as unknown as ClientDesk)
  for (restMs of [0, 300, 1_000, 250_000, Number.POSITIVE_INFINITY]) line.onMessage('{"op":"poke","peer":"tokyo"}')
  expect(said).toEqual([300, 1_000, 1_000, 1_000].map(ms => ({ quiet: { peer: 'tokyo', ms } })))
})
