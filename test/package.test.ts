import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')
const read = (file: string) => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'))

test('O12: the package is free, typed, ESM, and says what changed and where holes are told; nothing runs at its installation', () => {
  const own = read('package.json')
  expect([own.license, own.type]).toEqual(['MIT', 'module'])
  const doors = Object.entries<{ types?: string; default?: string }>(own.exports).filter(
    ([door]) => door !== './package.json'
  )
  expect(doors.map(([door]) => door)).toEqual(['.', './conformance'])
  for (const [, { types = '', default: file = '' }] of doors)
    for (const built of [types, file]) expect(existsSync(path.join(ROOT, built)), built).toBe(true)
  for (const hook of ['preinstall', 'install', 'postinstall']) expect(own.scripts[hook]).toBeUndefined()
  const lock = read('package-lock.json').packages as Record<string, { hasInstallScript?: boolean; dev?: boolean }>
  const hooked = Object.entries(lock).filter(
    ([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true
  )
  expect(hooked.map(([name]) => name)).toEqual([])
})
