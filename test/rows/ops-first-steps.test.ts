import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../bench/up.ts'
import { LISTEN_DEFAULT } from '../../src/server/server.ts'
import { alive } from '../cli/run-cli.ts'
import { freshInstall } from './fresh-install.ts'
import { Program, RealWorld, ROOT } from './real-world.ts'

/** What somebody new to it does, in a folder into which the package was installed and nothing else. */
const world = new RealWorld()
let fresh = ''
let installMs = 0
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8')
/** Root becomes somebody else, where that one can reach the repository and node; anybody else is nobody special already. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0 && [ROOT, process.execPath].every(isForAll)

function isForAll(place: string): boolean {
  const above = path.dirname(place)
  return (statSync(place).mode & 0o5) === 0o5 && (above === place || isForAll(above))
}

beforeAll(() => {
  const began = performance.now()
  fresh = freshInstall(world.folder)
  installMs = performance.now() - began
  // A path on which there is node, the shell's own tools, and the package: no Java, no database, no npm.
  mkdirSync(path.join(fresh, 'path'))
  symlinkSync(process.execPath, path.join(fresh, 'path/node'))
  for (const tool of ['sh', 'mkdir', 'env', 'echo'])
    symlinkSync(existsSync(`/bin/${tool}`) ? `/bin/${tool}` : `/usr/bin/${tool}`, path.join(fresh, 'path', tool))
  // What npx does, without asking a registry: node_modules/.bin is on the path.
  writeFileSync(path.join(fresh, 'path/npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
  chmodSync(world.folder, 0o755)
  chmodSync(fresh, 0o755)
})
afterAll(() => world.end(), 30_000)

/** Runs a script of the shell in a folder of its own below the fresh one, as an ordinary user. */
async function shell(script: string, options: { in: string; env?: Record<string, string> }) {
  const cwd = path.join(fresh, options.in)
  mkdirSync(cwd)
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  if (isRoot) chownSync(cwd, NOBODY, NOBODY)
  const env = { PATH: `${fresh}/path:${fresh}/node_modules/.bin`, HOME: cwd, ...options.env }
  const program = new Program(spawn('/bin/sh', ['-ec', script], { cwd, env, stdio: 'pipe', ...as }))
  world.onEnd(() => program.kill('SIGKILL'))
  const code = await program.ended
  return { code, stdout: program.stdout, stderr: program.stderr, cwd }
}

/** The blocks of a document that are in one language, without their fences. */
function blocks(page: string, language: string): string[] {
  // Every other piece between fences is code, and begins with its language.
  const codes = read(page)
    .split(/^```/m)
    .filter((_, i) => i % 2 === 1)
  return codes.filter(code => code.startsWith(`${language}\n`)).map(code => code.slice(language.length + 1))
}

/** Other ports than those of the page, which may be taken here. */
async function withFreePorts(text: string): Promise<string> {
  let out = text
  for (const port of new Set(text.match(/(?<=127\.0\.0\.1:)\d+/g)))
    out = out.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${await freePort()}`)
  return out
}

const NO_PORT = { DROPR_LISTEN: '127.0.0.1:0' }

test('O1 G1 G8: install, up, send, poll, stop: five commands without a configuration give the first message within 60 s', async () => {
  const began = performance.now()
  const begun = await shell(
    `dropr up --daemonize --pidfile p
    dropr send orders hello
    dropr poll orders --wait 10s`,
    { in: 'five', env: NO_PORT }
  )
  const tookMs = installMs + performance.now() - began
  expect(begun.code, begun.stderr).toBe(0)
  expect(begun.stdout).toMatch(/^[0-9a-f-]{36}\nhello/m)
  expect(tookMs).toBeLessThan(60_000)
  // It has returned, and works on in the background.
  const pid = Number(readFileSync(path.join(begun.cwd, 'p'), 'utf8'))
  world.onEnd(() => alive(pid) && process.kill(pid, 'SIGKILL'))
  expect(alive(pid)).toBe(true)
  const [, listen] = /listen +(\S+)/.exec(begun.stdout + begun.stderr) ?? []
  expect(await (await fetch(`http://${listen}/health`)).json()).toMatchObject({ ok: true })
  const stopped = await shell(`dropr stop --spool ${begun.cwd}/spool`, { in: 'five-stop' })
  expect(stopped.code, stopped.stderr).toBe(0)
  expect(alive(pid)).toBe(false)
})

test('O2: it runs as an ordinary user with nothing but node, on ports above 1023, without a database or native code', async () => {
  expect(LISTEN_DEFAULT.port).toBeGreaterThan(1_023)
  const { code, stdout, stderr } = await shell('dropr send c hi; dropr poll c; echo; node -p "process.getuid()"', {
    in: 'user'
  })
  expect(code, stderr).toBe(0)
  const uid = Number(stdout.trim().split('\n').at(-1))
  expect(stdout).toContain('hi')
  if (isRoot || process.getuid?.() !== 0) expect(uid).toBeGreaterThan(0)
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockRow> }
  const running = Object.entries(lock.packages).filter(
    ([name, row]) => name && !row.dev && !row.devOptional && !row.optional
  )
  const names = running.map(([name]) => name.replace(/.*node_modules\//, ''))
  expect(
    names.filter(name => /sql|mongo|redis|level|lmdb|postgres|^pg$|node-gyp|prebuild|bindings|^nan$/.test(name))
  ).toEqual([])
  expect(running.filter(([, row]) => row.hasInstallScript).map(([name]) => name)).toEqual([])
})

interface LockRow {
  dev?: boolean
  devOptional?: boolean
  optional?: boolean
  hasInstallScript?: boolean
}

test.each([
  ['README.md', '{ order: 4711 }'],
  ['docs/api.md', '{ order: 17 }']
])('O4: the first program of %s runs as it stands, and prints %s', async (page, printed) => {
  const [program] = blocks(page, 'js')
  const name = path.basename(page, '.md')
  writeFileSync(path.join(fresh, `${name}.mjs`), program!)
  const { code, stdout, stderr } = await shell(`node ../${name}.mjs`, { in: `${name}-first` })
  expect(code, stderr).toBe(0)
  expect(stdout).toBe(`${printed}\n`)
})

test('O4: "Two nodes by hand" of README.md runs as it stands, its fifth line prints what the page says, and both are stopped', async () => {
  const script = blocks('README.md', 'sh').find(block => block.includes('amsterdam'))!
  // Where a line fails, nothing is left running.
  const care = `trap '[ $? = 0 ] || for n in amsterdam tokyo; do npx dropr stop --spool $n; done' EXIT\n`
  const { code, stdout, stderr } = await shell(care + (await withFreePorts(script)), { in: 'two-nodes' })
  expect(code, stderr).toBe(0)
  expect(script.split('\n')[4]).toContain('poll')
  expect(stdout).toContain('hello from amsterdam')
  expect(stdout.match(/stopped process /g)).toHaveLength(2)
  expect(read('README.md')).toContain('The fifth line prints `hello from amsterdam`')
})

test('O12: what is packed is the built library, its command, pages and licence, and no source, test or tool', () => {
  const root = path.join(fresh, 'node_modules/dropr')
  const found = readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const files = found.map(({ parentPath, name }) => path.relative(root, path.join(parentPath, name)))
  for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'bin/dropr.js', 'dist/src/index.d.ts'])
    expect(files).toContain(file)
  const ours =
    /^(?:LICENSE|package\.json|[A-Z]+\.md|bin\/|dist\/lib\/.+\.js$|dist\/src\/.+\.d\.ts$|docs\/[^.]+\.(?:md|json|1)$)/
  expect(files.filter(file => !ours.test(file))).toEqual([])
})

test('O4: the two nodes in one process of docs/api.md run as they stand', async () => {
  const program = blocks('docs/api.md', 'js').find(block => block.includes('startNode('))!
  writeFileSync(
    path.join(fresh, 'one-process.mjs'),
    `import { startNode } from 'dropr'\n${await withFreePorts(program)}`
  )
  const { code, stdout, stderr } = await shell('node ../one-process.mjs', { in: 'one-process' })
  expect(code, stderr).toBe(0)
  expect(stdout).toBe('hello\n')
})

test('O4: every command line of the READMEs and of docs/cli.md names flags that exist', async () => {
  const pages = ['README.md', 'docs/cli.md', 'docs/api.md', 'SECURITY.md', 'spool/README.md', 'demo/README.md']
  const known = new Set(read('docs/options.md').match(/--[a-z-]+/g))
  const ours = pages.flatMap(page => [...read(page).matchAll(/\bdropr (?:up|stop|status|send|poll|ls|token)[^\n`]*/g)])
  const flags = ours.flatMap(line => line[0].match(/(?<=\s)--[a-z-]+/g) ?? [])
  expect(flags.length).toBeGreaterThan(5)
  expect(flags.filter(flag => !known.has(flag))).toEqual([])
})

test('O11: README.md says what it is not: no group bus, no remote calls', () => {
  const [, section] = /## When not to use it\n([\s\S]*?)\n## /.exec(read('README.md')) ?? []
  expect(section).toMatch(/group bus/)
  expect(section).toMatch(/remote calls/)
})

test('G12: a spool is made with its parents missing, for its owner only; where it cannot be, the path is named', async () => {
  const made = await shell('umask 000; dropr send c hi --spool a/b/spool', { in: 'modes' })
  expect(made.code, made.stderr).toBe(0)
  const all = readdirSync(path.join(made.cwd, 'a/b/spool'), { recursive: true, encoding: 'utf8' })
  const modes = ['.', ...all].map(name => {
    const found = statSync(path.join(made.cwd, 'a/b/spool', name))
    return [name, (found.mode & 0o777).toString(8), found.isDirectory()] as const
  })
  expect(modes.filter(([, mode, isFolder]) => mode !== (isFolder ? '700' : '600'))).toEqual([])
  const refused = await shell('dropr send c hi --spool /proc/nobody/spool', { in: 'refused' })
  expect(refused.code).toBeGreaterThanOrEqual(64)
  expect(refused.stderr).toContain('/proc/nobody')
  if (!isRoot) return
  // Somebody else's: the message names the path and both users.
  mkdirSync(path.join(made.cwd, 'of-root'), { mode: 0o755 })
  const foreign = await shell(`dropr send c hi --spool ${made.cwd}/of-root`, { in: 'foreign' })
  expect(foreign.stderr).toContain(`${made.cwd}/of-root belongs to user 0, this process is user ${NOBODY}`)
})
