import { execFileSync } from 'node:child_process'
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

test('O12: what is packed is the built library, its command, pages and licence, and no source, test or tool', () => {
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8'
  })
  const files = (JSON.parse(packed)[0].files as { path: string }[]).map(file => file.path)
  for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'bin/dropr.js', 'dist/src/index.d.ts'])
    expect(files).toContain(file)
  expect(
    files.filter(
      file =>
        !/^(?:LICENSE|package\.json|[A-Z]+\.md|bin\/|dist\/lib\/.+\.js$|dist\/src\/.+\.d\.ts$|docs\/[^.]+\.(?:md|json|1)$)/.test(
          file
        )
    )
  ).toEqual([])
})
