import { expect, test } from 'vitest'
import type { ChannelInbox } from '../../src/server/channel-inbox.ts'
import type { Asking } from '../../src/server/claims.ts'
import { type BookedLease, LeaseBook } from '../../src/server/lease-book.ts'
import { WaitingClaims } from '../../src/server/waiting-claims.ts'

const IDLE = 4_000
const channel = (name: string) => ({ name }) as ChannelInbox

/** Somebody who counts how often he is looked at. */
function watched(from: { channel: ChannelInbox; deadline: number }, looked: { times: number }): Asking {
  return {
    get deadline() {
      looked.times++
      return from.deadline
    },
    get channels() {
      looked.times++
      return [from.channel]
    }
  } as unknown as Asking
}

test('thousands who wait for other channels are not looked at when something comes for one', () => {
  const waiting = new WaitingClaims()
  const looked = { times: 0 }
  for (let n = 0; n < IDLE; n++) {
    waiting.add(watched({ channel: channel(`idle-${n}`), deadline: 30_000 + n }, looked))
  }
  looked.times = 0
  const busy = channel('busy')
  for (let round = 0; round < 1_000; round++) {
    const mine = watched({ channel: busy, deadline: 1_000 + round }, { times: 0 })
    waiting.add(mine)
    expect(waiting.first(busy)).toBe(mine)
    expect(waiting.firstDeadline).toBeLessThanOrEqual(1_000 + round)
    expect(waiting.remove(mine)).toBe(true)
  }
  expect(looked.times).toBe(0)
  expect(waiting.takeEnded(29_999, () => false)).toEqual([])
  expect(waiting.firstDeadline).toBe(30_000)
  expect(waiting.takeEnded(30_009, () => false)).toHaveLength(10)
})

test('who went before his time is forgotten, however many there were; who waits is not', () => {
  const waiting = new WaitingClaims()
  const looked = { times: 0 }
  const stays = watched({ channel: channel('c'), deadline: 60_000 }, { times: 0 })
  waiting.add(stays)
  for (let n = 0; n < 10_000; n++) {
    const gone = watched({ channel: channel('c'), deadline: 1_000 + n }, looked)
    waiting.add(gone)
    waiting.remove(gone)
  }
  let rings = 0
  for (let at = waiting.firstDeadline!; at < 60_000; at = waiting.firstDeadline!) {
    rings++
    expect(waiting.takeEnded(at, () => false)).toEqual([])
  }
  expect(rings).toBeLessThan(100)
  expect(waiting.first(stays.channels[0]!)).toBe(stays)
  expect(waiting.takeEnded(60_000, () => false)).toEqual([stays])
})

test('whose time is over while it is read is asked about again, and answered once', () => {
  const waiting = new WaitingClaims()
  const one = watched({ channel: channel('c'), deadline: 10 }, { times: 0 })
  waiting.add(one)
  expect(waiting.takeEnded(10, () => true)).toEqual([])
  expect(waiting.firstDeadline).toBeUndefined()
  expect(waiting.all()).toEqual([one])
  expect(waiting.takeEnded(10, () => false)).toEqual([one])
  expect(waiting.takeEnded(11, () => false)).toEqual([])
  expect(waiting.remove(one)).toBe(false)
})

test('a lease that is over is forgotten long before it would have ended', () => {
  const book = new LeaseBook()
  let looked = 0
  const lease = (id: string): BookedLease => ({
    get id() {
      looked++
      return id
    },
    holder: undefined,
    until: Number.POSITIVE_INFINITY,
    channels: new Set()
  })
  const stays = lease('stays')
  book.add(stays)
  expect(book.firstEnd).toBeUndefined()
  book.set(stays, 60_000)
  for (let n = 0; n < 10_000; n++) {
    const one = lease(`${n}`)
    book.add(one)
    book.set(one, 30_000 + n)
    book.delete(`${n}`)
  }
  looked = 0
  expect(book.takeEnded(59_999)).toEqual([])
  expect(looked).toBeLessThan(200)
  expect(book.takeEnded(60_000)).toEqual([stays])
})
