import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
