import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columns, humanMs, printable } from '../../src/cli/columns.ts'
import { daemonArgs } from '../../src/cli/daemon-flags.ts'
import { bodyOf, LineSplitter } from '../../src/cli/lines.ts'
import { main, makeProgram } from '../../src/cli/main.ts'
import { VERSION } from '../../src/cli/version.ts'

test('the version that is printed is the one of the package', () => {
  const manifest = readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8')
  expect(VERSION).toBe(JSON.parse(manifest).version)
})

test('every command that is not hidden has a description and examples', async () => {
  for (const command of (await makeProgram()).commands) {
    expect(command.description(), command.name()).not.toBe('')
    const help: string[] = []
    command.configureOutput({ writeOut: text => help.push(text) })
    command.outputHelp()
    expect(help.join(''), command.name()).toContain('Examples:\n  $ dropr ')
  }
})

test('a command that is loaded alone, by whichever of its names, tells the same help as among all the others', async () => {
  const told = async (...argv: string[]) => {
    const texts: string[] = []
    const stdout = { write: (text: string) => texts.push(text) } as unknown as NodeJS.WritableStream
    const exit = await main(argv, { stdin: process.stdin, stdout, stderr: stdout, env: {}, cwd: () => '/' })
    return { exit, text: texts.join('') }
  }
  for (const command of (await makeProgram()).commands) {
    for (const name of [command.name(), ...command.aliases()]) {
      const alone = await told('--spool', '/nowhere', '--json', name, '--help')
      expect(alone, name).toEqual({ exit: 0, text: (await told('help', name)).text })
      expect(alone.text, name).toContain(`Usage: dropr ${command.name()}`)
    }
  }
})

test('lines are the same however the bytes are cut into pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.nat({ max: 60 })), (bytes, cuts) => {
      // Newlines are frequent enough to be interesting.
      const whole = Buffer.from(bytes.map(byte => (byte % 4 === 0 ? 10 : byte)))
      const splitter = new LineSplitter(1_000)
      const lines: Buffer[] = []
      let from = 0
      for (const cut of [...cuts.sort((a, b) => a - b), whole.length]) {
        if (cut <= from || cut > whole.length) continue
        lines.push(...splitter.push(whole.subarray(from, cut)))
        from = cut
      }
      lines.push(...splitter.end())
      const parts = whole.toString('latin1').split('\n')
      if (parts.at(-1) === '') parts.pop()
      expect(lines.map(line => line.toString('latin1'))).toEqual(parts)
    })
  )
})

test('a line longer than any message is refused before it fills the memory', () => {
  const splitter = new LineSplitter(10)
  expect(() => splitter.push(Buffer.alloc(11))).toThrow(RangeError)
})

test('a body is text where it is UTF-8, else the same bytes', () => {
  expect(bodyOf(Buffer.from('größe'))).toBe('größe')
  const latin1 = Buffer.from('größe', 'latin1')
  expect(bodyOf(latin1)).toBe(latin1)
})

test('columns are aligned, and nothing in them can move the cursor', () => {
  expect(
    columns([
      ['a', 'b'],
      ['long', 'x\u001b[2J\n']
    ])
  ).toBe('a     b\nlong  x\\u001b[2J\\u000a')
  expect(printable('\u202eabc')).toBe('\\u202eabc')
})

test('a column is as wide as its text is on a terminal: wide letters count twice, accents not', () => {
  const rows = columns([
    ['注文', 'x'],
    ['größe', 'x'],
    ['gro\u0308ße', 'x'],
    ['🦆', 'x']
  ])
  expect(rows.split('\n')).toEqual(['注文   x', 'größe  x', 'gro\u0308ße  x', '🦆     x'])
})

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [12_000, '12 s'],
  [185_000, '3 min 5 s'],
  [7_200_000, '2 h'],
  [90_000_000, '1 d 1 h']
])('%i ms is said as %s', (ms, text) => {
  expect(humanMs(ms)).toBe(text)
})

test('daemons are given the flags that `up` was given', async () => {
  const args = daemonArgs({
    node: 'berlin',
    listen: '127.0.0.1:0',
    peer: new Map([['tokyo', 'http://127.0.0.1:1']]),
    accept: new Map([['paris', 'ab'.repeat(32)]]),
    limit: new Map([['scanMs', '50']]),
    logLevel: 'warn'
  })
  let parsed: unknown
  const program = await makeProgram(() => (...given) => {
    parsed = (given.at(-1) as { optsWithGlobals(): unknown }).optsWithGlobals()
    return Promise.resolve()
  })
  program.parse(['up', ...args], { from: 'user' })
  expect(parsed).toMatchObject({
    node: 'berlin',
    listen: '127.0.0.1:0',
    peer: new Map([['tokyo', 'http://127.0.0.1:1']]),
    accept: new Map([['paris', 'ab'.repeat(32)]]),
    limit: new Map([['scanMs', '50']]),
    logLevel: 'warn'
  })
})

test('F20: who mistypes a command ends with 2, and is shown where that very one is explained', async () => {
  const told = async (...argv: string[]) => {
    const stderr = new PassThrough()
    const exit = await main(argv, { stdin: process.stdin, stdout: stderr, stderr, env: {}, cwd: () => '/nowhere' })
    return `${exit} ${String(stderr.read())}`
  }
  expect(await told('dead', 'rm', '--limit', 'x')).toMatch(/^2 [\s\S]*\(dropr dead rm --help shows how\)/)
  expect(await told('channel', 'nonsense')).toMatch(/^2 [\s\S]*\(dropr channel --help shows how\)/)
  expect(await told('nonsense')).toMatch(/^2 [\s\S]*\(dropr help shows what there is\)/)
  expect(await told('clean', '--sent')).toMatch(/^2 [\s\S]*See `dropr clean --help`/)
})
