import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliWorld } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

test('a file above messageBytesMax goes through send --file, and standard input, and comes out of poll byte for byte', async () => {
  const body = Buffer.concat([randomBytes(3_000_000), Buffer.from([0, 10, 13, 255])])
  writeFileSync(path.join(world.folder, 'film'), body)
  expect((await world.run(['send', 'c', '--file', 'film', '--id', 'film'])).stdout.toString()).toBe('film\n')
  await world.run(['send', 'c', 'small'])
  await world.run(['send', 'c', '-'], body)
  const looked = await world.run(['poll', 'c', '--wait', '10s', '--peek', '--json'])
  expect(JSON.parse(looked.stdout.toString())).toMatchObject({ id: 'film', bodyBytes: body.length })
  for (const one of [body, Buffer.from('small'), body]) {
    const polled = await world.run(['poll', 'c', '--wait', '10s'])
    expect(polled.stderr).toBe('')
    expect(polled.stdout.equals(one)).toBe(true)
  }
  expect((await world.run(['poll', 'c'])).code).toBe(1)
  writeFileSync(path.join(world.spool, 'dropr.json'), '{"limits":{"messageBytesMax":2000}}', { mode: 0o600 })
  const limited = await world.run(['send', 'd', '-'], 'ü'.repeat(5_000))
  expect(limited.stderr).toBe('')
  const { value } = await world.json(['poll', 'd', '--wait', '10s'])
  expect(value).toMatchObject({ bodyBytes: 10_000 })
  const folder = path.join(world.spool, 'outbox', readdirSync(path.join(world.spool, 'outbox'))[0]!, 'c', '4')
  writeFileSync(path.join(folder, '00112233aabbccdd-0011223344556677.blob'), 'left behind', { mode: 0o600 })
  const { stdout } = await world.run(['doctor', '--json'])
  expect(stdout.toString()).not.toContain('stray')
  expect(stdout.toString()).toContain('"kind":"blob-alone"')
})
