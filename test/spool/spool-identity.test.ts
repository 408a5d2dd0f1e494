import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { Spool } from '../../src/spool/spool.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SOAK } from '../soak.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr größe '))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const system = nodeSystem()
const open = (path: string, node?: string) => Spool.open({ system, path, node, limits: DEFAULT_LIMITS })

test('DISK-11: whichever bit of node.json or FORMAT is flipped, the spool is never somebody else: it is mended, and that is told', async () => {
  const path = join(folder, 's')
  const { id } = await open(path, 'berlin')
  const told: string[] = []
  const log = { ...system.log, error: ({ path: file }: { path: string }) => told.push(file) }
  for (const name of ['node.json', 'FORMAT']) {
    const file = join(path, name)
    const whole = await readFile(file)
    // Of each byte one bit, another one each time; in the soak all eight.
    for (let bit = 0; bit < whole.length * 8; bit += SOAK || name === 'FORMAT' ? 1 : 9) {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      await writeFile(file, bytes)
      const spool = await Spool.open({ system: { ...system, log: log as never }, path, limits: DEFAULT_LIMITS })
      expect([spool.node, spool.id], `bit ${bit} of ${name}`).toEqual(['berlin', id])
      expect(await readFile(file)).toEqual(bytes)
    }
    await writeFile(file, whole)
    // What is in no use, the time and spaces, is not checked.
    expect(told.filter(one => one === file).length).toBeGreaterThan(name === 'FORMAT' ? 15 : SOAK ? 500 : 60)
  }
  const text = await readFile(join(path, 'node.json'), 'utf8')
  const other = text.replace(id, id.startsWith('0') ? `55${id.slice(2)}` : `00${id.slice(2)}`)
  await writeFile(join(path, 'node.json'), other)
  await expect(open(path)).rejects.toMatchObject({ code: 'SPOOL_DAMAGED' })
})

test('node.json as version 1 writes it is read, with its checksum and as it was before there was one', async () => {
  const path = join(folder, 's')
  await open(path, 'berlin')
  const id = '0123456789abcdef'.repeat(2)
  const plain = { format: 1, node: 'berlin', id, createdAt: '2026-01-01T00:00:00.000Z' }
  for (const more of [{}, { crc: '7e8f687d' }]) {
    await writeFile(join(path, 'node.json'), JSON.stringify({ ...plain, ...more }))
    expect(await open(path)).toMatchObject({ node: 'berlin', id })
  }
  await writeFile(join(path, 'node.json'), JSON.stringify({ ...plain, crc: '8d7f687e' }))
  await expect(open(path)).rejects.toThrow('7e8f687d')
})
