import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliWorld } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

test('schedule show and cancel do what can be done, and say which shard could not be asked', async () => {
  expect((await world.run(['send', 'x', '--at', '2099-01-02T03:04:05Z', '--id', 'one'])).code).toBe(0)
  const shard = path.join(world.spool, 'schedule/shard-1')
  mkdirSync(shard)
  writeFileSync(path.join(shard, 'in'), 'no folder')
  const note = 'shard 1 may hold one of this id, too: DISK_ERROR'
  for (const [wish, said] of [
    ['show', 'x\n'],
    ['cancel', 'one is cancelled\n']
  ] as const) {
    const { code, stdout, stderr } = await world.run(['schedule', wish, 'one'])
    expect(stdout.toString()).toContain(said)
    expect([code, stderr.toString().includes(note)]).toEqual([0, true])
  }
  const { code, stderr } = await world.run(['schedule', 'cancel', 'two'])
  expect(code).not.toBe(0)
  expect(stderr.toString()).toContain('DISK_ERROR')
})
