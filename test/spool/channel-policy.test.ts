import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig, traceConfig } from '../../src/spool/config.ts'
import { nodeFiles } from '../../src/system/node-files.ts'

let cwd = ''
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'dropr'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

const load = () => loadConfig({ files: nodeFiles(), spool: join(cwd, 'spool'), cwd })
const put = (value: unknown) => writeFile(join(cwd, 'dropr.json'), JSON.stringify(value))

test('numbers of one channel: flags win over the environment, that over files, number by number; a wrong one is named', async () => {
  await put({
    channels: { 'orders/eu': { leasedMax: 5, leaseMs: '10s' }, mail: { attemptsMax: 2 } }
  })
  const env = { DROPR_CHANNELS: 'orders/eu.leasedMax=6,v1.2.handOutsPerSecondMax=9' }
  const { config, from } = await traceConfig({
    files: nodeFiles(),
    spool: join(cwd, 'spool'),
    cwd,
    env,
    flags: { channels: new Map([['orders/eu.attemptsMax', '7']]) }
  })
  expect(config.channels).toEqual(
    new Map([
      ['orders/eu', { leasedMax: 6, leaseMs: 10_000, attemptsMax: 7 }],
      ['mail', { attemptsMax: 2 }],
      ['v1.2', { handOutsPerSecondMax: 9 }]
    ])
  )
  expect(from.get('channels.orders/eu.leasedMax')).toBe('the environment')
  for (const [given, said] of [
    [{ c: { leasdMax: 1 } }, 'channels.c.leasdMax is no setting: did you mean leasedMax?'],
    [{ c: { leasedMax: -1 } }, 'channels.c.leasedMax must be a whole number'],
    [{ c: { scanMs: 100 } }, 'channels.c.scanMs is no setting'],
    [{ '': {} }, 'channel must be text']
  ] as const) {
    await put({ channels: given })
    await expect(load()).rejects.toThrow(said)
  }
})
