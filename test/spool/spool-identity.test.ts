import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { Spool } from '../../src/spool/spool.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SOAK } from '../soak.ts'
import { desk } from './desk.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr größe '))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const system = nodeSystem()
const open = (path: string, node?: string) => Spool.open({ system, path, node, limits: DEFAULT_LIMITS })

test('DISK-11: whichever bit of node.json or FORMAT is flipped, the spool is never somebody else: it is mended, also on the disk, and that is told once', async () => {
  const { disk, logged, open: again, spool } = await desk()
  const told = () => logged.filter(({ level }) => level === 'error').length
  for (const name of ['node.json', 'FORMAT']) {
    const file = `${spool.path}/${name}`
    const whole = disk.peek(file)!
    const { createdAt } = JSON.parse(whole.toString())
    const before = told()
    // Of each byte one bit, another one each time; in the soak all eight.
    for (let bit = 0; bit < whole.length * 8; bit += SOAK || name === 'FORMAT' ? 1 : 9) {
      disk.plant(file, whole)
      disk.flip(file, bit >> 3, bit & 7)
      const flipped = disk.peek(file)!
      const count = told()
      for (const _ of [1, 2]) {
        const { node, id } = await again()
        expect([node, id], `bit ${bit} of ${name}`).toEqual(['berlin', spool.id])
      }
      const isTold = told() > count
      expect(told() - count).toBeLessThan(2)
      // What is in no use, the time and spaces, is not checked.
      const now = disk.peek(file)!
      if (!isTold || name === 'FORMAT') expect(now).toEqual(isTold ? whole : flipped)
      else expect({ ...JSON.parse(now.toString()), createdAt }).toMatchObject(JSON.parse(whole.toString()))
    }
    disk.plant(file, whole)
    expect(told() - before).toBeGreaterThan(name === 'FORMAT' ? 15 : SOAK ? 500 : 60)
  }
  const text = disk.peek(`${spool.path}/node.json`)!.toString()
  const { id } = spool
  disk.plant(`${spool.path}/node.json`, text.replace(id, id.startsWith('0') ? `55${id.slice(2)}` : `00${id.slice(2)}`))
  await expect(again()).rejects.toMatchObject({ code: 'SPOOL_DAMAGED' })
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

test('a flipped bit that cannot be written back, or not before it is known whose spool it is, stays and is mended again', async () => {
  const { disk, spool, open: again } = await desk()
  const file = `${spool.path}/node.json`
  const whole = disk.peek(file)!
  disk.flip(file, whole.indexOf(spool.id) + 3, 0)
  const damaged = disk.peek(file)!
  await expect(again('somebody')).rejects.toMatchObject({ code: 'NODE_NAME_FIXED' })
  expect(disk.peek(file)).toEqual(damaged)
  const rule = disk.failNext({ call: 'replace', code: 'ENOSPC' })
  expect((await again()).id).toBe(spool.id)
  expect([rule.hits, disk.peek(file)]).toEqual([1, damaged])
  expect((await again()).id).toBe(spool.id)
  disk.crash({ data: 'lose', names: 'lose' })
  expect(disk.peek(file)).toEqual(whole)
})
