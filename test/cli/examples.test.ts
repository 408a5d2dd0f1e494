import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/main.ts'

/** Every command and command below a command, by its words. */
function commandsIn(command: Command, words: string[] = []): { words: string[]; command: Command }[] {
  return command.commands.flatMap(below => {
    const mine = [...words, below.name()]
    return [{ words: mine, command: below }, ...commandsIn(below, mine)]
  })
}

function helpOf(command: Command): string {
  const texts: string[] = []
  command.configureOutput({ writeOut: text => texts.push(text) })
  command.outputHelp()
  return texts.join('')
}

/** The words of each call of dropr in a line of a shell, as far as examples go. */
function callsIn(line: string): string[][] {
  const calls: string[][] = []
  let call: string[] | undefined
  let begins = true
  // A comment follows some spaces behind the words.
  const plain = line.replace(/^ {2}\$ /, '').replace(/(\S) {3,}\S.*$/, '$1')
  for (const [word] of plain.matchAll(/'[^']*'|"(?:\\.|[^"])*"|&&|\|\||[|;()]|[0-9]?>+|[^\s'"|;()]+/g)) {
    if (/^(&&|\|\|?|[;()]|[0-9]?>+)$/.test(word)) {
      call = undefined
      begins = true
    } else if (begins && word === 'dropr') {
      call = []
      calls.push(call)
      begins = false
    } else {
      begins = false
      call?.push(word.replace(/^(['"])(.*)\1$/s, '$2'))
    }
  }
  return calls
}

/** Which command a call runs. Throws what commander does when it makes no sense. */
async function runBy(words: readonly string[]): Promise<string> {
  let ran = ''
  const program = await makeProgram((() =>
    async (...given: unknown[]) => {
      const names: string[] = []
      for (let at: Command | null = given.at(-1) as Command; at?.parent; at = at.parent) names.unshift(at.name())
      ran = names.join(' ')
    }) as never)
  const silent = (command: Command) => {
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined }).exitOverride()
    for (const below of command.commands) silent(below)
  }
  silent(program)
  await program.parseAsync(words, { from: 'user' })
  return ran
}

test('every command, and every command below one, has an example of itself, and every example can be parsed', async () => {
  const commands = commandsIn(await makeProgram())
  expect(commands.length).toBeGreaterThan(45)
  for (const { words, command } of commands) {
    const name = words.join(' ')
    const [, examples = ''] = helpOf(command).split('Examples:\n')
    const lines = examples.split('\n').filter(line => line.startsWith('  $ '))
    expect(lines, `${name} has no examples`).not.toEqual([])
    const ran = new Set<string>()
    for (const line of lines)
      for (const call of callsIn(line)) ran.add(await runBy(call).catch((error: Error) => `${line}: ${error.message}`))
    expect([...ran].filter(one => !commands.some(known => known.words.join(' ') === one))).toEqual([])
    const below = commands.filter(
      known => known.words.length > words.length && known.words.join(' ').startsWith(`${name} `)
    )
    expect(
      [name, ...below.map(known => known.words.join(' '))].some(one => ran.has(one)),
      `${name}: ${[...ran].join()}`
    ).toBe(true)
  }
})
