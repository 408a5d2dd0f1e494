import { expect, test, vi } from 'vitest'
import { DroprError, type Message } from '../../src/index.ts'
import { SOAK } from '../soak.ts'
import { SimNodes } from './sim-nodes.ts'

/** At every byte in `npm run soak`; at every byte always: test/journal, test/spool, for each kind of file by itself. */
const EVERY = SOAK ? 1 : 23

vi.setConfig({ testTimeout: SOAK ? 1_800_000 : 120_000 })

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Sends ten, polls them, acknowledges seven, rejects one; again and again until it has worked. Gives what was told. */
async function life(sim: SimNodes): Promise<{ acked: Set<unknown>; failures: DroprError[]; resent: boolean }> {
  const failures: DroprError[] = []
  const acked = new Set<unknown>()
  const tried = async <T>(act: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await act()
      } catch (error) {
        if (!(error instanceof DroprError)) throw error
        failures.push(error)
        if (failures.length > 50) throw error
        await sim.clock.advance(1_500)
      }
    }
  }
  const queue = await tried(() => sim.queue('berlin'))
  for (const n of range(0, 5)) await tried(() => sim.until(queue.sendMessage(n, { id: `m-${n}` })))
  let batches = 0
  await tried(() => {
    batches++
    return sim.until(queue.sendMessages(range(5, 10)))
  })
  const held: Message[] = []
  while (held.length < 10) {
    const some = await tried(() => sim.until(queue.poll({ max: 10 - held.length, wait: 5_000 })))
    if (some.length === 0) break
    held.push(...some)
  }
  for (const message of held.slice(0, 7)) {
    try {
      await tried(() => sim.until(message.ack()))
      acked.add(message.body)
    } catch (error) {
      // A verdict that failed may have been written: then the lease is gone.
      expect(error).toMatchObject({ code: 'LEASE_LOST' })
    }
  }
  await sim.until(queue.close()).catch((error: unknown) => failures.push(error as DroprError))
  return { acked, failures, resent: batches > 1 }
}

test('item 11: whichever single call of the disk fails between opening and closing, each message is done once or still there', async () => {
  let seen = 0
  for (const code of SOAK ? ['EIO', 'ENOSPC', 'EMFILE'] : ['EIO']) {
    for (let after = 0, struck = true; struck; after++) {
      const sim = new SimNodes({ seed: after, names: ['berlin'] })
      const rule = sim.machine('berlin').disk.failNext({ call: 'any', code, after })
      const { acked, failures, resent } = await life(sim)
      struck = rule.hits > 0
      rule.remove()
      for (const failure of failures)
        expect(failure.code, `${code} ${after}`).toMatch(/^(DISK_|FILES_EXHAUSTED|LEASE_LOST|OWNER_|CLOSED)/)
      seen += failures.length
      const rest = (await sim.take(await sim.queue('berlin', 'reader'))).map(message => message.body)
      // A batch that was rejected and sent again may be there twice (it has no ids of its own): P2.
      const once = rest.filter(body => (body as number) < 5 || !resent)
      expect(
        once.filter(body => acked.has(body)),
        `${code} ${after}`
      ).toEqual([])
      expect(new Set([...rest, ...acked]), `${code} ${after}`).toEqual(new Set(range(0, 10)))
      const named = rest.filter(body => (body as number) < 5)
      expect(new Set(named).size, `${code} ${after}`).toBe(named.length)
    }
  }
  expect(seen).toBeGreaterThan(25)
})

test('item 11: whichever file of a spool is cut at whichever byte, it opens or says why, hands over no wrong bytes, and takes new messages', async () => {
  const make = async () => {
    const sim = new SimNodes({ seed: 5, names: ['berlin', 'tokyo'] })
    const queue = await sim.queue('berlin')
    await sim.until(queue.sendMessages(['a0', 'a1', 'a2'], { channel: 'a' }))
    const [first, second] = (await sim.until(queue.poll({ channel: 'a', max: 2, wait: 5_000 }))) as Message[]
    await sim.until(first!.ack())
    await sim.until(second!.reject('no'))
    await sim.until(queue.sendMessage('b0', { channel: 'b' }))
    await sim.clock.advance(3_000)
    await sim.until(queue.close())
    return sim
  }
  const sim = await make()
  const { disk } = sim.machine('berlin')
  const files: string[] = []
  const walk = async (folder: string): Promise<void> => {
    for (const { name, kind } of await sim.until(disk.list(folder))) {
      if (kind === 'folder') await walk(`${folder}/${name}`)
      else if (kind === 'file') files.push(`${folder}/${name}`)
    }
  }
  await walk('/spool')
  expect(files.some(file => file.includes('/inbox/')) && files.some(file => file.includes('/dead/'))).toBe(true)
  const whole = disk.snapshot()
  let opened = 0
  let refused = 0
  for (const file of files) {
    const bytes = disk.peek(file)!
    for (let cut = 0; cut < bytes.length; cut += EVERY) {
      disk.restore(whole)
      disk.plant(file, bytes.subarray(0, cut))
      const process = `${file} ${cut}`
      const queue = await sim.queue('berlin', process).catch((error: unknown) => error)
      if (queue instanceof Error) {
        refused++
        expect(queue, process).toMatchObject({ code: expect.stringMatching(/^(SPOOL_DAMAGED|FORMAT_NEWER)$/) })
        expect(file).toMatch(/FORMAT|node\.json/)
        continue
      }
      opened++
      const open = queue as Awaited<ReturnType<SimNodes['queue']>>
      await sim.until(open.sendMessage('new', { channel: 'c' }))
      const got: string[] = []
      const deadline = sim.clock.ticks() + 10_000
      while (!got.includes('new') && sim.clock.ticks() < deadline) {
        const some = await sim.until(open.poll({ channels: ['a', 'b', 'c'], max: 10, wait: 2_500 }))
        got.push(...some.map(message => message.text()))
      }
      const rest = await sim.until(open.poll({ channels: ['a', 'b', 'c'], max: 10 }))
      got.push(...rest.map(message => message.text()))
      expect(got, process).toContain('new')
      // What the other files hold is untouched; what the cut file held may be gone, or back.
      for (const body of got) expect(['a0', 'a1', 'a2', 'b0', 'new'], process).toContain(body)
      expect(new Set(got).size, process).toBe(got.length)
      if (!file.includes('/b/')) expect(got, process).toContain('b0')
      sim.machine('berlin').process(process).kill()
    }
  }
  expect(opened).toBeGreaterThan(100)
  expect(refused).toBeGreaterThan(0)
})
