import { expect, test, vi } from 'vitest'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const MINUTE = 60_000

test('B4: what was half-written when its process died is gone after a start; what is still written, what is no file of ours, and messages stay', async () => {
  const nodes = new SimNodes({ seed: 4, names: ['berlin'] })
  const machine = nodes.machine('berlin')
  const { disk } = machine
  const app = await nodes.queue('berlin', 'app')
  await nodes.until(app.sendMessage('before'))
  // It dies in the middle of a commit.
  disk.failNext({ call: 'writeSynced', code: 'EIO', partialBytes: 40, path: path => path.includes('/outbox/') })
  await expect(nodes.until(app.sendMessage('half'))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  machine.process('app').kill()
  const half = ['node.json.0123456789ab.new', 'paused/tokyo.json.ba9876543210', 'run/client.json.0123456789ab.new.17']
  const ours = [...half, 'wiped/tokyo.json.aaaaaaaaaaaa.new']
  const strange = ['junk', 'notes.new', 'backup.0123456789ab', 'dropr.json.old']
  for (const folder of ['paused', 'wiped'])
    await nodes.until(
      machine
        .process('hand')
        .files.makeFolder(`${SPOOL}/${folder}`)
        .catch(() => undefined)
    )
  for (const name of [...ours, ...strange]) disk.plant(`${SPOOL}/${name}`, '{"half":')
  const there = async () => {
    const found: string[] = []
    for (const name of [...ours, ...strange])
      if ((await nodes.until(machine.process('look').files.stat(`${SPOOL}/${name}`))) !== undefined) found.push(name)
    return found
  }
  const warned = vi.spyOn(nodes.world.log, 'warn')
  await nodes.server('berlin')
  for (let second = 0; second < 180; second += 10) {
    // The last one has a writer: it grows.
    disk.plant(`${SPOOL}/${ours[3]!}`, 'x'.repeat(second + 1))
    await nodes.clock.advance(10_000)
  }
  expect(await there()).toEqual([ours[3], ...strange])
  await nodes.clock.advance(3 * MINUTE)
  expect(await there()).toEqual(strange)
  const said = warned.mock.calls.map(([fact]) => (fact as { path?: string }).path)
  warned.mockRestore()
  for (const name of ours) expect(said).toContain(`${SPOOL}/${name}`)
  const got = (await nodes.take(await nodes.queue('berlin', 'reader'))).map(({ body }) => body)
  expect(got[0]).toBe('before')
})
