import { readdirSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue } from '../../src/queue/open-queue.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { CliWorld } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

/** Sends five messages to this node itself in each channel, some minutes ago, and takes and acknowledges them. */
async function five(minutesAgo: number, ...channels: string[]): Promise<void> {
  const system = nodeSystem()
  const { clock } = system
  const earlier = {
    now: () => clock.now() - minutesAgo * 60_000,
    ticks: () => clock.ticks(),
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
    soon: (run: () => void) => clock.soon(run)
  }
  const queue = await openQueue({ system: { ...system, clock: earlier }, spool: world.spool })
  for (const channel of channels) {
    await queue.sendMessages(['1', '2', '3', '4', '5'], { channel })
    for (let left = 5; left > 0; ) {
      const messages = await queue.poll({ channel, max: left, wait: '10s' })
      left -= messages.length
      await Promise.all(messages.map(message => message.ack()))
    }
  }
  await queue.close()
}

/** As `touch -a` does: read at `at`, which says nothing about when they were sent. */
function touch(at: Date, folder = world.spool): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const found = path.join(folder, entry.name)
    if (entry.isDirectory()) touch(at, found)
    else if (entry.isFile()) utimesSync(found, at, statSync(found).mtime)
  }
}

test('F2 F6: wipe_sent and wipe_processed of the dropr of 2008 take what is older, by its recorded time, and say how many', async () => {
  const says = async (...verb: string[]) => (await world.run(verb)).stdout.toString()
  await five(10, 'mail', '???')
  await five(0, 'mail')
  expect(await says('count_sent')).toBe('15\n')
  touch(new Date())
  expect(await says('wipe_sent', '5')).toBe('10\n')
  touch(new Date(Date.now() - 86_400_000))
  expect(await says('wipe_sent', '5')).toBe('0\n')
  expect(await says('count_sent')).toBe('5\n')

  expect(await says('wipe_processed', 'mail', '60')).toBe('0\n')
  expect(await says('wipe_processed', 'mail', '5')).toBe('5\n')
  expect(await says('list_processed')).toBe('???: 5\nmail: 5\n')
  expect(await says('wipe_all_processed', '5')).toBe('???: 5\n')
  expect(await says('list_processed')).toBe('mail: 5\n')

  const bad = [
    ['wipe_sent'],
    ...['0', '-5', '5m', 'x', '1.5', ''].map(minutes => ['wipe_sent', minutes]),
    ['wipe_processed', 'mail'],
    ['wipe_processed', '5'],
    ['wipe_processed', 'mail', '0'],
    ['wipe_all_processed', '-1']
  ]
  for (const words of bad)
    expect(await world.run(words), words.join(' ')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Usage: dropr wipe_')
    })
  expect(await says('count_sent')).toBe('5\n')
})

test('F2 F6: clean --older-than prints how many by channel, and refuses ages and flags that make no sense', async () => {
  await five(10, 'mail', 'orders')
  const cleaned = await world.run(['clean', '--older-than', '5m', '--channel', 'mail'])
  expect(cleaned.stdout.toString()).toBe('ROOM       CHANNEL  MESSAGES\nsent       mail     5\nprocessed  mail     5\n')
  expect([cleaned.code, cleaned.stderr]).toEqual([
    0,
    expect.stringMatching(/^10 messages, 1 segments, \d+ bytes removed/)
  ])
  expect((await world.run(['clean', '--older-than', '5m', '--channel', 'mail'])).code).toBe(1)
  expect(await world.json(['clean', '--older-than', '5m', '--processed'])).toMatchObject({
    value: { messages: 5, channels: [{ room: 'inbox', channel: 'orders', messages: 5 }], dryRun: false }
  })
  for (const words of [
    ['--older-than', '0s'],
    ['--older-than', '-5m'],
    ['--older-than'],
    ['--sent'],
    ['--peer', 'tokyo']
  ])
    expect((await world.run(['clean', ...words])).code, words.join(' ')).toBe(2)
})
