import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')

test('O7: the demo, on a short text, loses no line to six kills and a cut link, and leaves nothing behind', async () => {
  const demo = path.join(ROOT, 'dist/demo/demo.js')
  const { stdout } = await promisify(execFile)(process.execPath, [demo, '--lines', '6000', '--seconds', '6'], {
    cwd: ROOT
  })
  expect(stdout).toMatch(/^ {2}missing +0$/m)
  expect(stdout).toMatch(/^ {2}kills +6 with -9 \(client 3, server 3\)/m)
  expect(stdout).toMatch(/^ {2}link +cut once, and healed$/m)
  expect(stdout).toContain('all lines, in order, none missing')
})
