import { expect, test } from 'vitest'
import { ChannelLease, ChannelLeases } from '../../src/server/leases.ts'

const [A, B] = ['a'.repeat(32), 'b'.repeat(32)]

function over(leases: ChannelLeases, id: string): ChannelLease {
  const lease = new ChannelLease(id, { untilWall: 0, own: false })
  leases.add(lease)
  lease.tell(A, 'ack', 0, 5)
  lease.tell(A, 'ack', 7, 9)
  lease.tell(B, 'retry', 3, 4)
  leases.check(lease)
  return lease
}

test('a lease that is over still tells what was said of it, and takes more', () => {
  const leases = new ChannelLeases()
  const lease = over(leases, '1.1')
  expect(leases.isHeld('1.1')).toBe(false)
  expect(leases.get('1.1')).toBe(lease)
  const rows = () => lease.told().map(([verdict, stream, runs]) => [verdict, stream, runs])
  const said = [
    [
      'ack',
      A,
      [
        [0, 5],
        [7, 9]
      ]
    ],
    ['retry', B, [[3, 4]]]
  ]
  expect(rows()).toEqual(said)
  expect(lease.untold(A, 'ack', [[0, 10]])).toEqual([
    [5, 7],
    [9, 10]
  ])
  expect(lease.untold(A, 'retry', [[0, 10]])).toEqual([[0, 10]])
  lease.rest()
  expect(rows()).toEqual(said)
  lease.tell(A, 'ack', 5, 7)
  lease.rest()
  lease.rest()
  expect(rows()).toEqual([['ack', A, [[0, 9]]], said[1]])
  expect([lease.pieces.size, lease.limbo.size]).toEqual([0, 0])
})

test('so many leases that are over are remembered, the latest', () => {
  const leases = new ChannelLeases(3)
  for (let n = 1; n <= 5; n++) over(leases, `1.${n}`)
  expect(leases.over().map(({ id }) => id)).toEqual(['1.3', '1.4', '1.5'])
  expect(leases.get('1.2')).toBeUndefined()
})
