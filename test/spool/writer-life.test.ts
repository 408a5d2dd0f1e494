import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { Spool } from '../../src/spool/spool.ts'
import { isWriterAlive, WriterLife } from '../../src/spool/writer-life.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SimWorld } from '../../src/system/sim/index.ts'

test('a writer lives from begin to close, and asking leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dropr'))
  const system = nodeSystem()
  // Longer than a socket's path may be.
  const path = join(folder, 'x'.repeat(150))
  const spool = await Spool.open({ system, path, limits: DEFAULT_LIMITS })
  const [one, two] = await Promise.all([WriterLife.begin(spool), WriterLife.begin(spool)])
  expect(one.writer).toMatch(/^[0-9a-f]{16}$/)
  expect(one.writer).not.toBe(two.writer)
  for (let i = 0; i < 50; i++) expect(await isWriterAlive(spool, one.writer)).toBe(true)
  await one.close()
  expect(await isWriterAlive(spool, one.writer)).toBe(false)
  expect(await isWriterAlive(spool, two.writer)).toBe(true)
  await two.close()
  expect(await readdir(spool.run)).toEqual([])
  expect(await isWriterAlive(spool, 'f'.repeat(16))).toBe(false)
  await rm(folder, { recursive: true })
})

test('a file in the place of the socket, as a copied spool has it, is no living writer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dropr'))
  const spool = await Spool.open({ system: nodeSystem(), path: folder, limits: DEFAULT_LIMITS })
  await writeFile(spool.socket('a'.repeat(16)), '')
  expect(await isWriterAlive(spool, 'a'.repeat(16))).toBe(false)
  await rm(folder, { recursive: true })
})

test('a stopped process lives, a killed one is dead, and the power takes all', async () => {
  const world = new SimWorld({ seed: 1 })
  const node = world.node('berlin')
  const within = <T>(promise: Promise<T>) => world.clock.until(promise)
  const open = (name: string) => within(Spool.open({ system: node.process(name), path: '/s', limits: DEFAULT_LIMITS }))
  const asker = await open('client')
  const { writer } = await within(WriterLife.begin(await open('app')))
  const isAlive = () => within(isWriterAlive(asker, writer))
  expect(await isAlive()).toBe(true)
  node.process('app').stop()
  await world.clock.advance(86_400_000)
  expect(await isAlive()).toBe(true)
  node.process('app').continue()
  expect(await isAlive()).toBe(true)
  node.process('app').kill()
  expect(await isAlive()).toBe(false)
  const { writer: other } = await within(WriterLife.begin(await open('app')))
  node.powerCut()
  expect(await within(isWriterAlive(await open('client'), other))).toBe(false)
})
