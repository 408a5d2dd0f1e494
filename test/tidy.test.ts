import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

/** The floors of the house: what holds for every file, whoever wrote it. The plan stands in docs/ARCHITECTURE.md. */
const ROOT = path.resolve(import.meta.dirname, '..')
const OURS = ['src', 'test', 'bench', 'demo', 'bin', 'docs', 'spool', '.ci'] as const
const LINES_MAX = 250
const PACKAGES_MAX = 70

interface Source {
  /** From the root, with `/`. */
  path: string
  text: string
  /** `text` without comments. */
  code: string
}

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap(found => {
    const below = `${folder}/${found.name}`
    return found.isDirectory() ? filesBelow(below) : found.isFile() ? [below] : []
  })
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

const written = OURS.flatMap(filesBelow).filter(file => !file.startsWith('spool/') || /README|gitignore/.test(file))
const sources: Source[] = written
  .filter(file => /\.(ts|js)$/.test(file))
  .map(file => ({ path: file, text: readFileSync(path.join(ROOT, file), 'utf8') }))
  .map(file => ({ ...file, code: withoutComments(file.text) }))
const product = sources.filter(file => file.path.startsWith('src/'))

interface Import {
  from: string
  /** A path from the root for our own files, else the name of a package. */
  to: string
  typeOnly: boolean
}

const IMPORT =
  /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

function importsOf(file: Source): Import[] {
  return [...file.code.matchAll(IMPORT)].map(found => {
    const name = (found[2] ?? found[3])!
    const to = name.startsWith('.') ? path.posix.join(path.posix.dirname(file.path), name) : name
    return { from: file.path, to, typeOnly: found[1] !== undefined }
  })
}

/** Rooms on one line of the plan are neighbours and do not see each other. */
const PLAN: string[][] = [
  ['words'],
  ['system'],
  ['journal'],
  ['spool', 'wire'],
  ['client', 'server', 'scheduler', 'conformance'],
  ['queue'],
  ['web'],
  ['angel'],
  ['cli']
]
const WORDS = [
  'src/errors.ts',
  'src/error-rows.ts',
  'src/limit-rows.ts',
  'src/limits.ts',
  'src/message.ts',
  'src/names.ts',
  'src/duration.ts',
  'src/time-input.ts'
]

function roomOf(file: string): string {
  if (WORDS.includes(file)) return 'words'
  if (file === 'src/index.ts') return 'queue'
  return file.split('/')[1]!
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  if (from === 'angel') return to === 'system' || to === 'words'
  const line = (room: string) => PLAN.findIndex(rooms => rooms.includes(room))
  return line(to) >= 0 && line(to) < line(from)
}

test('every room of src/ has its place in the plan', () => {
  const strangers = product.map(file => file.path).filter(file => !PLAN.flat().includes(roomOf(file)))
  expect(strangers).toEqual([])
})

test('a room imports only from rooms above it, never from its neighbours', () => {
  const wrong = product
    .flatMap(importsOf)
    .filter(({ to }) => to.startsWith('src/'))
    .filter(({ from, to }) => !mayImport(roomOf(from), roomOf(to)))
    .map(({ from, to }) => `${from} imports ${to}`)
  expect(wrong).toEqual([])
})

test('src/ never imports from the folders around it', () => {
  const wrong = product.flatMap(importsOf).filter(({ to }) => /^(?:\.\.|test|bench|demo|bin)\//.test(to))
  expect(wrong).toEqual([])
})

test('no two files of src/ import each other in a ring', () => {
  const edges = new Map(
    product.map(file => [
      file.path,
      importsOf(file)
        .filter(found => !found.typeOnly)
        .map(found => found.to)
    ])
  )
  const done = new Set<string>()
  const ringFrom = (file: string, way: string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const next of edges.get(file) ?? []) {
      const ring = ringFrom(next, [...way, file])
      if (ring) return ring
    }
    done.add(file)
    return undefined
  }
  const rings = [...edges.keys()].map(file => ringFrom(file, [])).filter(ring => ring !== undefined)
  expect(rings).toEqual([])
})

/** Where each package may be imported. Absent: nowhere in src/. */
const DOORS: Readonly<Record<string, string>> = {
  fastify: 'src/server/http-server.ts',
  ajv: 'src/server/door-check.ts',
  undici: 'src/wire/undici.ts',
  chokidar: 'src/system/',
  'write-file-atomic': 'src/system/',
  pino: 'src/system/',
  'prom-client': 'src/system/metrics-text.ts',
  commander: 'src/cli/'
}

test('every package has one door, and every import of a package goes through it', () => {
  const packages = product.flatMap(importsOf).filter(({ to }) => !to.startsWith('src/') && !to.startsWith('node:'))
  const wrong = packages.filter(({ from, to }) => !Object.hasOwn(DOORS, to) || !from.startsWith(DOORS[to]!))
  expect(wrong).toEqual([])
  // What `require` loads is not seen above.
  const requiring = product.filter(({ code }) => /\b(?:createRequire|require)\b *\(/.test(code)).map(file => file.path)
  expect(requiring).toEqual(['src/server/http-server.ts', 'src/wire/undici.ts'])
})

/** Modules of Node.js that touch the world. The two doors to HTTP may look up names for their own sockets. */
const WORLD_MODULES =
  /^node:(?:fs|fs\/promises|net|tls|dgram|http|https|http2|dns|dns\/promises|timers|timers\/promises|child_process|worker_threads|cluster|perf_hooks)$/
const HTTP_MAY = ['node:dns', 'node:net']
const WORLD_CALLS =
  /(?<![\w$'"-])(?:Date\.now|new Date\(\)|performance\.(?:now|timeOrigin)|process\.hrtime|(?<!\.)setTimeout|setInterval|Math\.random|randomBytes|randomUUID|randomFill(?:Sync)?|randomInt|getRandomValues|fetch|AbortSignal\.timeout)(?=\W|$)(?!\s*[?:]?:)/

test('no clock, disk, chance or socket outside src/system/', () => {
  const outside = product.filter(file => !file.path.startsWith('src/system/'))
  const modules = outside
    .flatMap(importsOf)
    .filter(({ to, typeOnly }) => WORLD_MODULES.test(to) && !typeOnly)
    .filter(({ from, to }) => !(/^src\/(?:wire\/|server\/http-)/.test(from) && HTTP_MAY.includes(to)))
    .map(({ from, to }) => `${from} imports ${to}`)
  const calls = outside.flatMap(file =>
    file.code
      .split('\n')
      .filter(line => WORLD_CALLS.test(line))
      .map(line => `${file.path}: ${line.trim()}`)
  )
  expect([...modules, ...calls]).toEqual([])
})

test(`no source file is over ${LINES_MAX} lines`, () => {
  const long = sources
    .map(file => ({ path: file.path, lines: file.text.trimEnd().split('\n').length }))
    .filter(file => file.lines > LINES_MAX)
  expect(long).toEqual([])
})

test('no file names a folder of the machine it was written on, or the host of a registry', () => {
  const machine = new RegExp(`(?<![\\w.}])/(?:${['work', 'home', 'root', 'Users'].join('|')})/\\w`)
  const registry = new RegExp(`registry\\.${'npmjs'}|verdaccio|artifactory`, 'i')
  const top = readdirSync(ROOT).filter(name => name !== '.git' && statSync(path.join(ROOT, name)).isFile())
  const wrong = [...top, ...written].filter(file => {
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    return file !== 'test/tidy.test.ts' && (machine.test(text) || registry.test(text))
  })
  expect(wrong).toEqual([])
})

interface Locked {
  version: string
  dev?: boolean
  optional?: boolean
  hasInstallScript?: boolean
  engines?: { node?: string }
  optionalDependencies?: Record<string, string>
}

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
const lock: { packages: Record<string, Locked> } = JSON.parse(
  readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')
)
const runtime = Object.entries(lock.packages).filter(([name, row]) => name !== '' && !row.dev && !row.optional)

test('only test/soak.ts asks whether this is the soak: `npm run soak` runs what imports it', () => {
  const asking = sources.filter(file => file.path.startsWith('test/') && file.code.includes('env.DROPR_' + 'SOAK'))
  expect(asking.map(file => file.path)).toEqual(['test/soak.ts'])
})

test('every dependency is written with its exact version', () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([])
})

/** npm leaves out what its registry did not have; then `npm ci` fails on the next machine. */
test('the lock file names the packages of every platform, so that npm ci takes it', () => {
  const missing = Object.entries(lock.packages).flatMap(([name, row]) =>
    Object.keys(row.optionalDependencies ?? {}).filter(
      wanted => !lock.packages[`node_modules/${wanted}`] && !lock.packages[`${name}/node_modules/${wanted}`]
    )
  )
  expect(missing).toEqual([])
})

test(`at most ${PACKAGES_MAX} packages run with dropr, and none of them runs anything at install`, () => {
  expect(runtime.length).toBeLessThanOrEqual(PACKAGES_MAX)
  expect(runtime.filter(([, row]) => row.hasInstallScript)).toEqual([])
  expect(Object.keys(manifest.scripts).filter(name => /^(pre|post)?install$/.test(name))).toEqual([])
})

test('every package that runs with dropr admits Node 20.19', () => {
  const admits = (range: string) =>
    range.split('||').some(part => {
      const [, sign, major, minor = '0'] = /(\^|>=|~|)\s*v?(\d+)(?:\.(\d+))?/.exec(part) ?? []
      if (sign === '>=') return Number(major) < 20 || (Number(major) === 20 && Number(minor) <= 19)
      return Number(major) === 20 && Number(minor) <= 19
    })
  const wrong = runtime.filter(([, row]) => row.engines?.node && row.engines.node !== '*' && !admits(row.engines.node))
  expect(wrong.map(([name, row]) => `${name} ${row.version} wants ${row.engines?.node}`)).toEqual([])
})
