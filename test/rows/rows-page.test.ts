import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '../..')
const PAGE = path.join(ROOT, 'docs/rows.md')

/** The rows of the inventory that the first release is judged by. */
const ROWS = [
  ...'A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A13 A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 A24 B1 B6 B10 B13 B14'.split(' '),
  ...'C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C15 C18 C19 C20 C21 C22 C23 C24 C25 C27'.split(' '),
  ...'D1 D2 D3 D4 D5 D7 D8 D9 D10 D14 D15 D16 E1 E2 E3 E4 E5 E6 E7 E8 E9 F18'.split(' '),
  ...'B5 C16 C17 E10 E12 E13 F14'.split(' '),
  ...'E14 E15 J10 M21 M22'.split(' '),
  ...'H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12 H13 H14 H15 H16 H17 H18 H19 H20 H21 H23 H24 H25 J1 J5 J6 J7 J8 J9'.split(
    ' '
  ),
  ...'A12 B2 B3 B4 B7 B8 B9 B11 B12 C26 C28 D6 D11 D12 D13 E11 F2 F6 F7 F10 F13 F15 F17 O3 O12 O13'.split(' '),
  ...'C13 C14 F1 F3 F4 F5 F8 F9 F12 F19 F20 G2 G3 G4 G5 G7 G10 G11 O6'.split(' '),
  ...'G1 G6 G8 G9 G12 G14 O1 O2 O4 O7 O11 Q1 Q2 Q3 Q4 Q5 Q6 Q9'.split(' ')
]

/** Of what must hold whatever goes wrong: the security rows and the clocks by which it is judged too. */
const FAULTS = [
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 15, 16, 18, 30].map(n => `SEC-${n}`),
  ...[1, 2, 5, 6, 7, 8, 10].map(n => `CLOCK-${n}`)
]

/** Rows that ask for a figure: their scenarios in docs/benchmarks.md, and which of several figures. What was missed there is not reached, whatever a test shows. */
const FIGURES: Readonly<Record<string, string>> = {
  B11: 'backlog-1000000-256B poll',
  H4: 'schedule-10000-due-in-one-second',
  H8: 'schedule-10000000-held tick',
  H10: 'schedule-50000-at-once-4-shards',
  J5: 'j5-claims-blocks-of-50',
  J6: 'j6-claims-8-processes',
  Q1: 'q1-send-1KiB-buffered-1-in-flight',
  Q2: 'q2-send-1KiB-32-in-flight',
  Q3: 'q3-receive-1KiB',
  Q4: 'q4-poll-read-ack-1KiB',
  Q5: 'q5-send-poll-ack-1KiB-cycle',
  Q6: 'q6-two-hops-1KiB-saturated',
  Q9: 'q9-client-test-10000'
}

const PROMISES = ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9', 'P10', 'P11']

interface Titled {
  title: string
  file: string
}

/** Titles of tests, as they stand in the sources. */
function titlesIn(folder: string): Titled[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap(found => {
    const file = `${folder}/${found.name}`
    if (found.isDirectory()) return titlesIn(file)
    if (!found.name.endsWith('.test.ts')) return []
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    const calls = text.matchAll(/\btest(?:\.\w+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?)*\(\s*(['"`])((?:(?!\1).|\n)*)\1/g)
    return [...calls].map(call => ({ title: call[2]!, file }))
  })
}

/** The codes that stand in front of a title: `C1` and `A4` of "A4: with no daemon …; C1: once …". */
function codesOf(title: string): string[] {
  return [...title.matchAll(/(?:^|; )((?:[A-Z]+-?\d+ ?)+):/g)].flatMap(found => found[1]!.trim().split(' '))
}

/** `14,045/s, must reach ≥ 18,127/s: **missed**`, for each figure of a scenario as the page of the bench has it. */
function figuresOf(row: string): string[] {
  const lines = readFileSync(path.join(ROOT, 'docs/benchmarks.md'), 'utf8').split('\n')
  const [scenario, word = ''] = (FIGURES[row] ?? '').split(' ')
  const cells = lines.filter(line => line.includes(`(\`${scenario}\`)`)).map(line => line.split(' | '))
  return cells
    .filter(([, reached]) => reached!.includes(word))
    .map(([, reached, , must, , verdict]) => {
      const said = `${reached}, must reach ${must}: ${verdict!.replace(' |', '')}`
      return `[bench](benchmarks.md): ${said}`
    })
}

function page(titles: readonly Titled[]): string {
  const lines = [...PROMISES, ...ROWS, ...FAULTS].flatMap(row => {
    const shown = titles.filter(({ title }) => codesOf(title).includes(row))
    if (shown.length === 0) return []
    const cells = shown.map(({ title, file }) => `*${title}* ([${path.basename(file)}](../${file}))`)
    return [`| ${row} | ${[...cells, ...figuresOf(row)].join('<br>')} |`]
  })
  return `# Which test shows what

Rows of the inventory, promises of the [README](../README.md), and what must hold for clocks and security, with the tests whose
titles begin with them; for rows that ask for a figure also what the bench found. "In the soak": \`npm run soak\` has the full count
of the row, \`npm test\` fewer. Written by
\`DROPR_ROWS=write npx vitest run test/rows/rows-page.test.ts\`; a test holds it to the titles that there are.

| row | tests |
|---|---|
${lines.join('\n')}
`
}

if (process.env.DROPR_ROWS === 'write')
  test('docs/rows.md is written', () => {
    writeFileSync(PAGE, page(titlesIn('test')))
  })

test('every title in docs/rows.md is the title of a test in the file that is named', () => {
  const titles = new Set(titlesIn('test').map(({ title, file }) => `${file} ${title}`))
  const listed = [...readFileSync(PAGE, 'utf8').matchAll(/\*([^*]+)\* \(\[[^\]]+\]\(\.\.\/([^)]+)\)\)/g)]
  expect(listed.length).toBeGreaterThan(50)
  expect(listed.map(([, title, file]) => `${file} ${title}`).filter(each => !titles.has(each))).toEqual([])
})

test('docs/rows.md names a test for every row, every promise, and each fault that is named', () => {
  const rows = [...readFileSync(PAGE, 'utf8').matchAll(/^\| ([A-Z]+-?\d+) \|/gm)].map(found => found[1])
  expect([...ROWS, ...PROMISES, ...FAULTS].filter(row => !rows.includes(row))).toEqual([])
})
