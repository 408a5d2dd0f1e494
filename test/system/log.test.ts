import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Log } from '../../src/system/log.ts'
import { pinoLog, pinoTo } from '../../src/system/pino-log.ts'
import { rateLimited } from '../../src/system/rate-limited-log.ts'
import { SimClock } from '../../src/system/sim/index.ts'

function heard(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const write = (level: string) => (fields: object, text: string) => {
    lines.push(`${level} ${text} ${JSON.stringify(fields)}`)
  }
  return { lines, log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } }
}

test('one line a fact, in JSON, with control characters escaped and secrets left out', () => {
  const lines: string[] = []
  const log = pinoTo({ write: line => lines.push(line) }, 'info')
  log.debug({}, 'not at this level')
  log.warn({ code: 'X', peer: 'a\nb', token: 'geheim', headers: { authorization: 'geheim' } }, 'te\u0007xt')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^[^\n]*\n$/)
  expect(lines[0]).not.toContain('geheim')
  const { time, pid, ...rest } = JSON.parse(lines[0]!)
  expect(rest).toEqual({
    level: 'warn',
    code: 'X',
    peer: 'a\nb',
    token: '[redacted]',
    headers: { authorization: '[redacted]' },
    msg: 'te\u0007xt'
  })
  expect(Date.parse(time)).toBeGreaterThan(0)
  expect(pid).toBe(process.pid)
})

test('a log file is private and appended to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dropr-log-'))
  const path = `${folder}/log`
  pinoLog({ destination: path }).info({}, 'one')
  pinoLog({ destination: path }).error({}, 'two')
  expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  rmSync(folder, { recursive: true })
})

test('a disk full of log lines throws nothing', () => {
  const log = pinoLog({ destination: '/dev/full' })
  for (let line = 0; line < 10; line++) log.error({}, 'no room')
})

test('a storm of one cause is one line a second, which says how many it stands for', async () => {
  const { log, lines } = heard()
  const clock = new SimClock()
  const limited = rateLimited(log, clock)
  for (let line = 0; line < 100; line++) limited.warn({ code: 'EROFS', line }, 'cannot write')
  limited.warn({ code: 'EIO' }, 'cannot write')
  limited.error({ code: 'EROFS' }, 'cannot write')
  expect(lines).toEqual([
    'warn cannot write {"code":"EROFS","line":0}',
    'warn cannot write {"code":"EIO"}',
    'error cannot write {"code":"EROFS"}'
  ])
  await clock.advance(1_000)
  expect(lines.splice(3)).toEqual(['warn cannot write {"code":"EROFS","line":99,"heldBack":98}'])
  limited.warn({ code: 'EROFS' }, 'cannot write')
  expect(lines).toHaveLength(3)
  await clock.advance(1_000)
  expect(lines.splice(3)).toEqual(['warn cannot write {"code":"EROFS"}'])
  await clock.advance(1_000)
  limited.warn({ code: 'EROFS' }, 'cannot write')
  expect(lines).toHaveLength(4)
})

test('debug lines are not held back', () => {
  const { log, lines } = heard()
  const limited = rateLimited(log, new SimClock())
  for (let line = 0; line < 10; line++) limited.debug({}, 'detail')
  expect(lines).toHaveLength(10)
})
