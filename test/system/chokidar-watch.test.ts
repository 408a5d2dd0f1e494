import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { chokidarWatch } from '../../src/system/chokidar-watch.ts'
import { silentLog } from '../../src/system/log.ts'

test('a change is hinted at, sooner or later', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dropr-watch-'))
  mkdirSync(`${folder}/sub`)
  writeFileSync(`${folder}/before`, '')
  const hints = new Set<string>()
  const watcher = chokidarWatch(silentLog).folder(folder, path => hints.add(path), { depth: 1 })
  for (let tries = 0; tries < 500 && !hints.has(`${folder}/sub/new`); tries++) {
    writeFileSync(`${folder}/sub/new`, `${tries}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  expect(hints).toContain(`${folder}/sub/new`)
  expect(hints).not.toContain(`${folder}/before`)
  await watcher.close()
  rmSync(folder, { recursive: true })
})

test('a folder that is not there is no error', async () => {
  const watcher = chokidarWatch(silentLog).folder('/nowhere/at/all', () => undefined)
  await watcher.close()
})

test('a busy folder costs few hints, and the last change is told of', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dropr-watch-'))
  mkdirSync(`${folder}/sub`)
  let hints = 0
  let seen = ''
  const watcher = chokidarWatch(silentLog).folder(folder, () => {
    hints++
    seen = readFileSync(`${folder}/sub/file`, 'utf8')
  })
  let written = 0
  const write = () => {
    writeFileSync(`${folder}/sub/file`, `${++written}`)
    return true
  }
  write()
  await vi.waitUntil(() => write() && hints > 0, { timeout: 10_000, interval: 20 })
  hints = 0
  const began = performance.now()
  for (let burst = 0; burst < 2_000; burst++) {
    write()
    await new Promise(resolve => setImmediate(resolve))
  }
  await vi.waitUntil(() => seen === `${written}`, { timeout: 10_000, interval: 20 })
  // Some fifty events a second, each perhaps told twice.
  const seconds = Math.ceil((performance.now() - began) / 1_000) + 1
  expect(hints).toBeLessThan(seconds * 110)
  // It is watched again.
  hints = 0
  await vi.waitUntil(() => write() && hints > 1, { timeout: 10_000, interval: 200 })
  await watcher.close()
  rmSync(folder, { recursive: true })
})
