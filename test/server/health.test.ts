import { expect, test } from 'vitest'
import { judgeHealth } from '../../src/server/health.ts'

const NOW = 1_000_000
const idle = { oldestUploadAt: undefined, failingSince: undefined }
const judge = (facts: object, server: object = {}) =>
  judgeHealth({
    now: NOW,
    progressMsMax: 60_000,
    client: { startedAt: 0, progress: { pending: 0, ...facts } },
    server: { ...idle, ...server }
  }).ok

test('a client with nothing to do is well, however long ago its last ACK', () => {
  expect(judge({ lastAckAt: 1 })).toBe(true)
  expect(judgeHealth({ now: NOW, progressMsMax: 60_000, client: undefined, server: idle }).ok).toBe(true)
})

test('a client with work is well as long as an ACK came, or the work, within progressMsMax', () => {
  const old = { pending: 1, oldestAt: NOW - 3_600_000 }
  expect(judge({ ...old, lastAckAt: NOW - 59_000 })).toBe(true)
  expect(judge({ ...old, lastAckAt: NOW - 61_000 })).toBe(false)
  expect(judge(old)).toBe(false)
  expect(judge({ pending: 1, oldestAt: NOW - 59_000, lastAckAt: 1 })).toBe(true)
})

test('a client that has just begun is given time for what it found', () => {
  const progress = { pending: 5, oldestAt: 1 }
  const at = (startedAt: number) =>
    judgeHealth({ now: NOW, progressMsMax: 60_000, client: { startedAt, progress }, server: idle }).ok
  expect([at(NOW - 59_000), at(NOW - 61_000)]).toEqual([true, false])
})

test('a scheduler is not well when something is overdue and nothing went for progressMsMax, or when it fails for so long', () => {
  const at = (says: object) =>
    judgeHealth({
      now: NOW,
      progressMsMax: 60_000,
      client: undefined,
      schedulers: [{ shard: 0, startedAt: 0, held: 5, ...says }],
      server: idle
    }).ok
  expect(at({})).toBe(true)
  expect(at({ nextDueAt: NOW + 1 })).toBe(true)
  expect([at({ nextDueAt: NOW - 59_000 }), at({ nextDueAt: NOW - 61_000 })]).toEqual([true, false])
  expect(at({ nextDueAt: 0, firedAt: NOW - 59_000 })).toBe(true)
  expect(at({ nextDueAt: 0, startedAt: NOW - 59_000 })).toBe(true)
  expect(at({ failing: { since: NOW - 61_000, code: 'DISK_FULL' } })).toBe(false)
})

test('a server is not well when an upload is in hand too long, or none could be stored for so long', () => {
  expect(judge({}, { oldestUploadAt: NOW - 61_000 })).toBe(false)
  expect(judge({}, { failingSince: NOW - 61_000 })).toBe(false)
  expect(judge({}, { oldestUploadAt: NOW - 59_000, failingSince: NOW - 59_000 })).toBe(true)
})
