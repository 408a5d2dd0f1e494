import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { manPages } from '../docs/man.ts'
import { errorsPage, metricsPage, optionsPage, SETTINGS } from '../docs/pages.ts'
import { makeProgram } from '../src/cli/main.ts'
import * as library from '../src/index.ts'
import { Consumer } from '../src/queue/consumer.ts'
import { HeldMessage } from '../src/queue/held-message.ts'
import { Node } from '../src/queue/node.ts'
import { Queue } from '../src/queue/queue.ts'
import { QueueDead } from '../src/queue/queue-dead.ts'
import { QueueSchedule } from '../src/queue/queue-schedule.ts'
import { parseConfig } from '../src/spool/config-schema.ts'
import { SPOOL_README } from '../src/spool/spool-readme.ts'
import { POINTS } from '../src/system/points.ts'
import { HEADER } from '../src/wire/headers.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8')

test('O6: docs/errors.md lists every code as the code has it', () => {
  expect(read('docs/errors.md'), 'run `npm run docs`').toBe(errorsPage())
})

test('O6: docs/options.md lists every limit, command and flag as the code has them', async () => {
  expect(read('docs/options.md'), 'run `npm run docs`').toBe(optionsPage(await makeProgram()))
})

test('O6 F20: there is a manual page for each command, as the code has it, and the package installs them all', async () => {
  const pages = manPages(await makeProgram())
  expect(readdirSync(path.join(ROOT, 'docs/man')).sort(), 'run `npm run docs`').toEqual([...pages.keys()].sort())
  for (const [name, page] of pages) expect(read(`docs/man/${name}`), 'run `npm run docs`').toBe(page)
  expect(JSON.parse(read('package.json')).man).toEqual([...pages.keys()].map(name => `docs/man/${name}`))
})

test('F20: a manual page has the words, the options and the examples of its command, and nothing in them means anything to roff', async () => {
  for (const [name, page] of manPages(await makeProgram())) {
    expect(page).toContain('.SH NAME')
    if (name !== 'dropr.1') expect(page, name).toMatch(/\.SH EXAMPLES\n\.nf\n\$ dropr /)
    const requests = page.split('\n').filter(line => /^[.']/.test(line))
    expect(requests.filter(line => !/^\.(TH|SH|PP|TP|RS|RE|nf|fi|\\")( |$)/.test(line))).toEqual([])
    expect(page.replace(/\\(e|-|&|f[BR]|\((aq|ga|ha|ti)|")/g, '')).not.toContain('\\')
  }
  const send = manPages(await makeProgram()).get('dropr-send.1')!
  expect(send).toContain('\\fB\\-\\-header <name=value>\\fR\nMay be repeated.')
  expect(send).toContain('$ dropr send orders \\(aqone message\\(aq')
})

test('O6: docs/options.md explains every key that a configuration may have, and no other', () => {
  expect(() => parseConfig({ nonsense: 1 })).toThrow(`there are ${Object.keys(SETTINGS).join(', ')}`)
})

/** What only dropr itself calls. */
const INNER = new Set(['constructor', 'letGo', 'abandon'])

test('O6: docs/api.md names every value that the package exports, and every member of what they give', () => {
  const page = read('docs/api.md')
  const members = [Queue, HeldMessage, Node, Consumer, QueueDead, QueueSchedule].flatMap(({ prototype }) =>
    Object.getOwnPropertyNames(prototype).filter(name => !INNER.has(name))
  )
  const missing = [...Object.keys(library), ...members].filter(name => !new RegExp(`\\b${name}\\b`).test(page))
  expect(missing).toEqual([])
})

test('O6: docs/metrics.md lists every metric as the code has it, and every point of diagnostics_channel', () => {
  const page = read('docs/metrics.md')
  expect(page, 'run `npm run docs`').toBe(metricsPage(page))
  expect([...new Set(page.match(/dropr:[a-z]+/g))].sort()).toEqual(
    Object.keys(POINTS)
      .map(name => `dropr:${name}`)
      .sort()
  )
})

test('the README of the default spool is the one that dropr writes into every spool', () => {
  expect(read('spool/README.md'), 'run `npm run docs`').toBe(SPOOL_README)
})

test('O6: docs/protocol.md names the HTTP headers of an upload, all of them and no other', () => {
  const named = new Set(read('docs/protocol.md').match(/\bdropr-[a-z]+\b/g))
  expect([...named].sort()).toEqual(Object.values(HEADER).sort())
})

test('every relative link in the documents leads to a file', () => {
  const pages = [
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    ...readdirSync(path.join(ROOT, 'docs')).map(name => `docs/${name}`)
  ]
  const broken = pages
    .filter(page => page.endsWith('.md'))
    .flatMap(page =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(link => path.join(path.dirname(page), link[1]!))
        .filter(target => !existsSync(path.join(ROOT, target)))
        .map(target => `${page} -> ${target}`)
    )
  expect(broken).toEqual([])
})

/** Titles of tests as they stand in the sources. */
function testTitles(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap(found => {
    const below = `${folder}/${found.name}`
    if (found.isDirectory()) return testTitles(below)
    if (!found.name.endsWith('.test.ts')) return []
    const titles = read(below).matchAll(/\b(?:test|it)(?:\.\w+(?:\([^)]*\))?)*\(\s*(['"`])((?:(?!\1).|\n)*)\1/g)
    return [...titles].map(title => title[2]!)
  })
}

describe('the promises in README.md', () => {
  const rows = [...read('README.md').matchAll(/^\| (P\d+) \| (.+?) \| (.+?) \|$/gm)]
  const titles = new Set(testTitles('test'))

  test('O13: are P1 to P11, in order', () => {
    expect(rows.map(row => row[1])).toEqual(Array.from({ length: 11 }, (_, i) => `P${i + 1}`))
  })

  test.each(rows.map(row => [row[1]!, row[3]!]))(
    '%s names only tests that exist, by their titles and files',
    (_, proof) => {
      const named = [...proof.matchAll(/\*([^*]+)\* \(\[[^\]]*\]\(([^)]+)\)\)/g)]
      expect(named.length, 'no test is named').toBeGreaterThan(0)
      for (const [, title, file] of named) {
        expect(titles, 'no test has this title').toContain(title)
        expect(read(file!)).toContain(title)
      }
    }
  )
})
