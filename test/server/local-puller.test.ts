import { expect, test, vi } from 'vitest'
import { LocalPuller } from '../../src/server/local-puller.ts'
import type { OutboxHint } from '../../src/spool/outbox-writer.ts'
import { desk, text } from '../spool/desk.ts'

const HERE = { peer: 'berlin', channel: 'common', priority: 4 }

test('hints of two files of a folder in one turn: both are brought over, also the one that is not known yet', async () => {
  const at = await desk()
  const came = new Set<string>()
  const inbox = {
    stream: () => undefined,
    next: () => 0,
    appendRange: async (range: { stream: string; to: number }) => {
      came.add(range.stream)
      return range.to
    },
    streams: () => [],
    removed: () => Promise.resolve()
  }
  const hints: OutboxHint[] = []
  await at.writer('old', hint => hints.push(hint)).append(HERE, text('known'), id => id)
  const known = hints.at(-1)!
  const puller = new LocalPuller({ spool: at.spool, inbox })
  await puller.first
  await at.writer('new', hint => hints.push(hint)).append(HERE, text('not known yet'), id => id)
  puller.poke(hints.at(-1)!)
  puller.poke(known)
  // No timer runs here: nobody looks but for the hints.
  await vi.waitUntil(() => came.size === 2)
  await puller.close()
  expect(came.size).toBe(2)
})
