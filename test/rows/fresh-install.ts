import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './real-world.ts'

/**
 * A folder in which `npm install dropr` has run, without a registry: the package as `npm pack` makes it, and beside it the
 * packages that its package.json names, as links to those that are here. What is not in the package is not there.
 */
export function freshInstall(below: string): string {
  const folder = mkdtempSync(path.join(below, 'fresh-'))
  const modules = path.join(folder, 'node_modules')
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  execFileSync('npm', pack, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] })
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))!
  mkdirSync(path.join(modules, 'dropr'), { recursive: true })
  execFileSync('tar', ['xzf', tarball, '-C', 'node_modules/dropr', '--strip-components=1'], { cwd: folder })
  const { dependencies } = JSON.parse(readFileSync(path.join(modules, 'dropr/package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true })
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name))
  }
  mkdirSync(path.join(modules, '.bin'))
  symlinkSync('../dropr/bin/dropr.js', path.join(modules, '.bin/dropr'))
  return folder
}
