import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../bench/up.ts'

/** What the README tells people to type is typed here, in an empty folder that has dropr installed. */
const ROOT = path.resolve(import.meta.dirname, '..')
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8')
const run = promisify(execFile)
let folder: string

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'dropr-readme-'))
  mkdirSync(path.join(folder, 'node_modules/.bin'), { recursive: true })
  symlinkSync(ROOT, path.join(folder, 'node_modules/dropr'))
  const bin = path.join(folder, 'node_modules/.bin/dropr')
  writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${path.join(ROOT, 'bin/dropr.js')}" "$@"\n`)
  chmodSync(bin, 0o755)
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The first code block below a heading. */
function block(heading: string): string {
  const below = README.slice(README.indexOf(`\n## ${heading}\n`))
  return /```\w+\n([\s\S]*?)```/.exec(below)![1]!
}

test('"Send and poll" sends and polls', async () => {
  const file = path.join(folder, 'app.mjs')
  writeFileSync(file, block('Send and poll'))
  const { stdout } = await run(process.execPath, [file], { cwd: folder })
  expect(stdout).toBe('{ order: 4711 }\n')
})

test('"Two nodes by hand" carries the message from one node to the other, and stops both', async () => {
  const [near, far] = [await freePort(), await freePort()]
  const typed = block('Two nodes by hand').replaceAll('7701', String(near)).replaceAll('7702', String(far))
  const script = `set -e\ntrap 'npx dropr stop --spool amsterdam; npx dropr stop --spool tokyo' ERR\n${typed}`
  const { stdout } = await run('bash', ['-c', script], { cwd: folder })
  expect(stdout).toContain('hello from amsterdam')
  expect(stdout.match(/stopped process /g)).toHaveLength(2)
}, 60_000)
