import { expect, test } from 'vitest'
import { Ledger } from '../../src/client/ledger.ts'
import type { Refusal } from '../../src/wire/upload.ts'

function refusal(at: number): Refusal {
  return { at, id: `id-${at}`, code: 'MESSAGE_TOO_LARGE', detail: 'too large' }
}

/** A book whose writes end when the test says so. */
function slowBook() {
  const log: string[] = []
  const open: { resolve: () => void; reject: (error: Error) => void }[] = []
  const write = (text: string) => {
    log.push(text)
    return new Promise<void>((resolve, reject) => open.push({ resolve, reject }))
  }
  const book = {
    copyRefused: (refusals: readonly Refusal[]) => write(`dead ${refusals.map(({ at }) => at).join(' ')}`),
    record: (next: number) => write(`next ${next}`),
    wait: (failed: number) => write(`wait ${failed}`),
    rest: () => Promise.resolve(),
    changed: () => undefined
  }
  const step = async (error?: Error) => {
    const { resolve, reject } = open.shift()!
    if (error) reject(error)
    else resolve()
    await new Promise(back => setImmediate(back))
  }
  return { book, log, step, open }
}

test('refused messages are dead letters before how far the peer is goes on record, and only then settled', async () => {
  const { book, log, step } = slowBook()
  const ledger = new Ledger(book, 0)
  expect(ledger.note(10, [refusal(7), refusal(3)])).toBe(2)
  expect(log).toEqual(['dead 3 7'])
  await step()
  expect(log).toEqual(['dead 3 7', 'next 10'])
  expect(ledger.settled).toBe(0)
  await step()
  expect(ledger.settled).toBe(10)
  expect(ledger.idle).toBe(true)
})

test('what is learned during a write goes with the next, all in one, and repeats are not news', async () => {
  const { book, log, step } = slowBook()
  const ledger = new Ledger(book, 0)
  ledger.note(10, [refusal(3)])
  expect(ledger.note(20, [refusal(3), refusal(12)])).toBe(1)
  expect(ledger.note(15, [refusal(12)])).toBe(0)
  expect(ledger.note(30, [])).toBe(0)
  for (let i = 0; i < 4; i++) await step()
  expect(log).toEqual(['dead 3', 'next 10', 'dead 12', 'next 30'])
  expect(ledger.note(30, [refusal(3), refusal(12), refusal(30), refusal(99)])).toBe(0)
  expect(ledger.idle).toBe(true)
})

test('nothing is written when an answer says nothing new', () => {
  const { book, log } = slowBook()
  const ledger = new Ledger(book, 10)
  ledger.note(10, [])
  ledger.note(4, [refusal(2)])
  expect(log).toEqual([])
})

test('a failed write is tried again until it succeeds, and settles nothing meanwhile', async () => {
  const { book, log, step } = slowBook()
  const ledger = new Ledger(book, 0)
  ledger.note(10, [refusal(1)])
  await step(Object.assign(new Error('full'), { code: 'ENOSPC' }))
  expect(ledger.failure).toMatchObject({ code: 'DISK_FULL' })
  await step()
  await step(new Error('again'))
  expect(log).toEqual(['dead 1', 'wait 1', 'dead 1', 'wait 2'])
  await step()
  await step()
  expect(ledger.settled).toBe(0)
  await step()
  expect(log.slice(4)).toEqual(['dead 1', 'next 10'])
  expect(ledger.settled).toBe(10)
  expect(ledger.failure).toBeUndefined()
})

test('dead letters that were written are not written again because recording failed', async () => {
  const { book, log, step } = slowBook()
  const ledger = new Ledger(book, 0)
  ledger.note(10, [refusal(1)])
  await step()
  await step(new Error('disk'))
  await step()
  await step()
  expect(log).toEqual(['dead 1', 'next 10', 'wait 1', 'next 10'])
  expect(ledger.settled).toBe(10)
})

test('a peer that fell back is recorded as such, also while a higher number is being written', async () => {
  const { book, log, step } = slowBook()
  const ledger = new Ledger(book, 5)
  ledger.note(10, [refusal(8)])
  await step()
  ledger.lower(2)
  expect(ledger.settled).toBe(2)
  await step()
  await step()
  expect(log).toEqual(['dead 8', 'next 10', 'next 2'])
  expect(ledger.settled).toBe(2)
  // It decides again about what it lost, and what it refuses now counts.
  expect(ledger.note(9, [refusal(8)])).toBe(1)
})

test('closing writes what is noted, and gives up after a failure', async () => {
  const { book, log, step } = slowBook()
  const ledger = new Ledger(book, 0)
  ledger.note(10, [])
  const closed = ledger.close()
  await step()
  await closed
  expect(log).toEqual(['next 10'])
  ledger.note(20, [])
  const closing = ledger.close()
  await step(new Error('disk'))
  await closing
  expect(ledger.settled).toBe(10)
})
