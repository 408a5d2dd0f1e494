import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { SOAK } from '../soak.ts'

const run = promisify(execFile)

const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false
)

/** The machine's curl, or ours, which stands in where it has none; `npm run soak` takes both. */
export type Curl = 'curl' | 'our own curl'
export const CURLS: readonly Curl[] = hasCurl ? (SOAK ? ['curl', 'our own curl'] : ['curl']) : ['our own curl']

/** Runs a shell script in a folder of its own, and stops at the first line that fails; the error says what was printed until then. */
export async function shell(curl: Curl, script: string, folder: string): Promise<string> {
  const here = await mkdtemp(path.join(folder, 'shell-'))
  let searched = process.env.PATH ?? ''
  if (curl === 'our own curl') {
    const bin = path.join(here, 'bin')
    await mkdir(bin)
    await copyFile(path.join(import.meta.dirname, 'curl.mjs'), path.join(bin, 'curl.mjs'))
    await writeFile(path.join(bin, 'curl'), `#!/bin/sh\nexec "${process.execPath}" "${bin}/curl.mjs" "$@"\n`)
    await chmod(path.join(bin, 'curl'), 0o755)
    searched = `${bin}:${searched}`
  }
  const env = { ...process.env, PATH: searched, no_proxy: '127.0.0.1', LC_ALL: 'C.UTF-8' }
  try {
    return (await run('sh', ['-e', '-c', script], { cwd: here, env, maxBuffer: 2 ** 26 })).stdout
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
    throw new Error(
      `the script ended with ${String(code)}; it printed last: ${stdout.slice(-1_000)}${stderr.slice(-1_000)}`
    )
  }
}
