import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const BODY = Buffer.alloc(5_000, 'large ')
const LIMITS = { messageBytesMax: 1_024, blobPieceBytes: 1_024, scanMs: 20_000 }
const OUTBOX = `${SPOOL}/outbox/berlin/common/4`

function bed() {
  const sim = new SimNodes({ seed: 1, names: ['berlin'], limits: LIMITS })
  const { disk } = sim.machine('berlin')
  const names = (folder: string) => [...disk.disk.folder(folder).names.keys()].filter(name => !name.endsWith('.seg'))
  return { sim, disk, names }
}

test('P10: of a large body whose send was rejected no file stays, though its process lives on; what the disk does not let go goes later', async () => {
  const { sim, disk, names } = bed()
  const queue = await sim.queue('berlin', 'app')
  const send = () => sim.until(queue.sendMessage(Readable.from([BODY])))
  await send()
  const [sent] = names(OUTBOX)
  const fail = (call: 'syncFolder' | 'remove') =>
    disk.failNext({ call, code: 'EIO', path: path => path.startsWith(OUTBOX) })
  fail('syncFolder')
  await expect(send()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(names(OUTBOX)).toEqual([sent])
  const rules = [fail('syncFolder'), fail('remove')]
  await expect(send()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(rules.map(({ hits }) => hits)).toEqual([1, 1])
  expect(names(OUTBOX).length).toBe(2)
  await send()
  expect(names(OUTBOX)).toContain(sent)
  expect(names(OUTBOX).length).toBe(2)
})

test.each([
  ['was not written', { call: 'create', code: 'EIO' }],
  ['was written in part', { call: 'writeSynced', code: 'ENOSPC', partialBytes: 60 }],
  ['was written', { call: 'writeSynced', code: 'EIO', partialBytes: 100_000 }]
] as const)(
  'a large body whose entry %s when its send was rejected is there exactly if that may be sent, while its process lives',
  async (what, fault) => {
    const { sim, disk, names } = bed()
    const queue = await sim.queue('berlin', 'app')
    const rule = disk.failNext({ ...fault, path: path => path.startsWith(OUTBOX) && path.endsWith('.seg') })
    const code = fault.code === 'EIO' ? 'DISK_ERROR' : 'DISK_FULL'
    await expect(sim.until(queue.sendMessage(Readable.from([BODY])))).rejects.toMatchObject({ code })
    expect(rule.hits).toBe(1)
    expect(names(OUTBOX).length).toBe(what === 'was written' ? 1 : 0)
  }
)

test('whether a large body is needed that the disk did not tell is asked again with the next one', async () => {
  const { sim, disk, names } = bed()
  const queue = await sim.queue('berlin', 'app')
  const send = () => sim.until(queue.sendMessage(Readable.from([BODY])))
  let refused = false
  const refuse = (path: string) => (refused ||= path.startsWith(OUTBOX) && path.endsWith('.seg'))
  disk.failNext({ call: 'create', code: 'EIO', path: refuse })
  const mute = disk.failNext({ call: 'list', code: 'EIO', path: path => refused && path === OUTBOX, times: 1_000 })
  await expect(send()).rejects.toMatchObject({ code: 'DISK_ERROR' })
  mute.remove()
  const [doubted] = names(OUTBOX)
  expect(names(OUTBOX).length).toBe(1)
  await send()
  expect(names(OUTBOX).length).toBe(1)
  expect(names(OUTBOX)).not.toContain(doubted)
})
