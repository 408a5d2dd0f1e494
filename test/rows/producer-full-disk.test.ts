import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { DroprError } from '../../src/index.ts'
import { SOAK } from '../soak.ts'
import { RealNodes, take } from './real-nodes.ts'
import { SimNodes } from './sim-nodes.ts'

const CHILD = path.join(import.meta.dirname, 'child.mjs')

vi.setConfig({ testTimeout: SOAK ? 600_000 : 120_000 })

let nodes: RealNodes

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(() => nodes.end())

test('A15: on a full disk the send that does not fit is refused at once with DISK_FULL, the earlier ones are intact, and space heals it', async () => {
  const sim = new SimNodes({ seed: 15, names: ['berlin'] })
  const queue = await sim.queue('berlin')
  const { disk } = sim.machine('berlin')
  await sim.until(queue.sendMessage('small'))
  disk.capacityBytes = disk.disk.bytesUsed + 1_000_000
  const sent: string[] = ['small']
  let error: DroprError | undefined
  while (error === undefined) {
    const body = `${sent.length} ${'x'.repeat(100_000)}`
    const since = sim.clock.ticks()
    await sim.until(
      queue.sendMessage(body).then(
        () => void sent.push(body),
        (refused: unknown) => {
          error = refused as DroprError
        }
      )
    )
    expect(sim.clock.ticks() - since).toBeLessThan(1_000)
  }
  expect(error).toMatchObject({ code: 'DISK_FULL', retry: true })
  expect(sent.length).toBeGreaterThan(3)
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await sim.until(queue.sendMessage('again'))
  const bodies = (await sim.take(await sim.queue('berlin', 'reader'))).map(message => message.body)
  expect(bodies).toEqual([...sent, 'again'])
})

const mountWorks =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt']).status === 0

test.skipIf(!mountWorks)(
  'A15: on a real file system of 1 MB the send that does not fit is refused within a second, the others are there',
  async () => {
    const folder = nodes.spool('small')
    mkdirSync(folder)
    const script = `mount -t tmpfs -o size=1m,mode=755 none ${folder} && '${process.execPath}' '${CHILD}' sendUntilRefused ${folder}/spool 100 && cp -r ${folder}/spool ${nodes.spool('copy')}`
    const text = execFileSync('unshare', ['-rm', 'sh', '-c', script], { encoding: 'utf8' })
    const lines = text.trim().split('\n')
    const ids = lines.slice(0, -1)
    const [, code, cause, ms] = lines.at(-1)!.split(' ')
    expect(code).toBe('DISK_FULL')
    // Refused by the disk, or before it came to that.
    expect(['ENOSPC', 'undefined']).toContain(cause)
    expect(Number(ms)).toBeLessThan(1_000)
    expect(ids.length).toBeGreaterThan(3)
    execFileSync('chmod', ['-R', 'go-rwx', nodes.spool('copy')])
    const { openQueue: open } = await import('../../src/index.ts')
    const queue = await open({ spool: nodes.spool('copy') })
    try {
      expect((await take(queue, ids.length)).map(message => message.id)).toEqual(ids)
      expect(await queue.poll({ wait: 200 })).toBeUndefined()
    } finally {
      await queue.close()
    }
  }
)

const NOBODY = 65_534

test.skipIf(process.platform === 'win32')(
  'A15: in a folder that may not be written to a send is refused with DISK_ACCESS',
  async () => {
    const asRoot = process.getuid!() === 0
    const folder = nodes.spool('closed')
    mkdirSync(folder)
    chmodSync(nodes.folder, 0o755)
    if (asRoot) chownSync(folder, NOBODY, NOBODY)
    chmodSync(folder, 0o555)
    const { lines } = await nodes.child(
      ['sendUntilRefused', path.join(folder, 'spool'), 1],
      asRoot ? { uid: NOBODY } : {}
    )
    chmodSync(folder, 0o755)
    expect(lines.at(-1)).toMatch(/^refused DISK_ACCESS EACCES /)
    expect(existsSync(path.join(folder, 'spool'))).toBe(false)
  }
)
