import { expect, test } from 'vitest'
import { FINE, giveBackWhenQuiet } from '../../src/system/quiet-memory.ts'
import { SimClock } from '../../src/system/sim/index.ts'

const MIB = 1_048_576

function desk(thrift?: typeof FINE) {
  const clock = new SimClock()
  const heap = { total: 80 * MIB, used: 35 * MIB, cpu: 0, collected: [] as number[], collect: () => {} }
  const stop = new AbortController()
  heap.collect = () => {
    heap.collected.push(clock.ticks())
    heap.cpu += 40
    heap.used = 13 * MIB
    heap.total = Math.max(28 * MIB, heap.total - 20 * MIB)
  }
  void giveBackWhenQuiet(
    clock,
    {
      totalBytes: () => heap.total,
      usedBytes: () => heap.used,
      cpuMs: () => heap.cpu,
      collect: () => heap.collect()
    },
    stop.signal,
    thrift
  )
  /** Works all of so many seconds. */
  const work = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      heap.cpu += 900
      await clock.advance(1_000)
    }
  }
  return { clock, heap, work, stop }
}

test('memory is given back after a burst, once there is nothing to do, and then no more', async () => {
  const { clock, heap, work, stop } = desk()
  await work(10)
  expect(heap.collected).toEqual([])
  await clock.advance(60_000)
  expect(heap.collected).toHaveLength(3)
  expect(heap.total).toBe(28 * MIB)
  heap.total = 70 * MIB
  await work(5)
  await clock.advance(10_000)
  expect(heap.collected).toHaveLength(6)
  stop.abort()
})

test('a process that never did anything, and one that is always busy, are left alone', async () => {
  const idle = desk()
  await idle.clock.advance(60_000)
  expect(idle.heap.collected).toEqual([])
  const busy = desk()
  await busy.work(60)
  expect(busy.heap.collected).toEqual([])
  idle.stop.abort()
  busy.stop.abort()
})

test('a burst leaves the same, however little of it is spare and however late it can be given back', async () => {
  const { clock, heap, work, stop } = desk(FINE)
  const least = 13 * MIB
  for (const [spareMiB, keptMs] of [
    [3, 0],
    [10, 0],
    [10, 6_000],
    [15, 6_500]
  ] as const) {
    heap.total = least + spareMiB * MIB
    heap.used = least
    await work(3)
    const from = clock.ticks()
    heap.collect = () => {
      if (clock.ticks() - from >= keptMs) heap.total = least + MIB
    }
    await clock.advance(9_000)
    expect(heap.total).toBe(least + MIB)
  }
  stop.abort()
})

test('a heap of which next to nothing is spare is left alone, and one is not gone through again and again for what it keeps', async () => {
  const { clock, heap, work, stop } = desk(FINE)
  heap.total = 14 * MIB
  heap.used = 13 * MIB
  await work(3)
  await clock.advance(60_000)
  expect(heap.collected).toEqual([])
  heap.total = 80 * MIB
  let times = 0
  heap.collect = () => void times++
  await work(3)
  await clock.advance(600_000)
  expect(times).toBe(3)
  stop.abort()
})
