import type { Command, Option } from 'commander'
import { VERSION } from '../src/cli/version.ts'

/** Manual pages, by file name: `dropr.1` and one for each command, made from the commands and their help. */
export function manPages(program: Command): Map<string, string> {
  const pages = new Map([['dropr.1', manPage(program, [])]])
  for (const command of program.commands) {
    if (command.name() === 'help') continue
    pages.set(`dropr-${command.name()}.1`, manPage(command, program.options))
  }
  return pages
}

function manPage(command: Command, global: readonly Option[]): string {
  const names = namesOf(command)
  const { words, examples } = helpOf(command)
  const below = command.commands.filter(found => found.name() !== 'help')
  const top = command.parent === null
  const others = (top ? below : (command.parent?.commands ?? [])).filter(found => found !== command)
  const seeAlso = [...(top ? [] : ['dropr']), ...others.map(found => namesOf(found).join('-'))]
  const sections: [name: string, lines: string[]][] = [
    ['NAME', [`${names.join('-')} \\- ${plain(command.description())}`]],
    ['SYNOPSIS', [command, ...(top ? [] : below)].flatMap(found => ['.PP', synopsisOf(found)])],
    ['DESCRIPTION', words.flatMap(paragraph => ['.PP', text(paragraph)])],
    ['COMMANDS', below.flatMap(found => commandLines(found, top))],
    ['OPTIONS', optionLines(command.options)],
    ['OPTIONS OF EVERY COMMAND', optionLines(global)],
    ['EXAMPLES', examples.length === 0 ? [] : ['.nf', ...examples.map(plain), '.fi']],
    ['FILES', FILES],
    ['SEE ALSO', [seeAlso.map(name => `\\fB${plain(name)}\\fR(1)`).join(', ')]]
  ]
  const body = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([name, lines]) => [`.SH ${name}`, ...lines].join('\n'))
  const title = names.join('-').toUpperCase()
  return `.\\" Made from the code by \`npm run docs\`; do not edit.\n.TH ${title} 1 "" "dropr ${VERSION}" "dropr"\n${body.join('\n')}\n`
}

const FILES = [
  ...definition('./spool', 'The spool, where neither --spool nor $DROPR_SPOOL names one.'),
  ...definition('./dropr.json, <spool>/dropr.json, /etc/dropr/dropr.json', 'The configuration; options.md explains it.')
]

/** `dropr peer kick` of its three commands. */
function namesOf(command: Command): string[] {
  return [...(command.parent === null ? [] : namesOf(command.parent)), command.name()]
}

function synopsisOf(command: Command): string {
  const given = command.registeredArguments.map(found => {
    const name = `${found.name()}${found.variadic ? ' ...' : ''}`
    return found.required ? `<${name}>` : `[${name}]`
  })
  const options = command.options.some(option => !option.hidden) ? ['[options]'] : []
  const inner = command.commands.length > 0 && command.parent === null ? ['<command>'] : []
  return `\\fB${plain(namesOf(command).join(' '))}\\fR ${plain([...inner, ...given, ...options].join(' '))}`.trimEnd()
}

/** In the page of its parent: what it does, and its options where it has no page of its own. */
function commandLines(command: Command, hasPage: boolean): string[] {
  const aliases = command.aliases().map(alias => ` (also: ${alias})`)
  const lines = definition(`${command.name()}${aliases.join('')}`, sentence(command.description()))
  const options = hasPage ? [] : optionLines(command.options)
  return options.length === 0 ? lines : [...lines, '.RS', ...options, '.RE']
}

function optionLines(options: readonly Option[]): string[] {
  return options
    .filter(option => !option.hidden)
    .flatMap(({ flags, description }) => definition(flags, sentence(description)))
}

function definition(term: string, what: string): string[] {
  return ['.TP', `\\fB${plain(term)}\\fR`, text(what)]
}

/** What stands behind the options in `dropr help <command>`: paragraphs, then examples. */
function helpOf(command: Command): { words: string[]; examples: string[] } {
  let help = ''
  command.configureOutput({
    writeOut: more => {
      help += more
    }
  })
  command.outputHelp()
  help = help.slice(command.helpInformation().length)
  const [words = '', examples = ''] = help.split(/^Examples:\n/m)
  const paragraphs = words.split(/\n\s*\n/).map(paragraph => paragraph.trim())
  return {
    words: paragraphs.filter(paragraph => paragraph !== ''),
    examples: examples.split('\n').flatMap(line => (line.trim() === '' ? [] : [line.trim()]))
  }
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}

/** Lines that were set apart by hand (a table, with two spaces) stay lines. */
function text(paragraph: string): string {
  const lines = paragraph.split('\n')
  if (!lines.some(line => /\S {2,}\S/.test(line))) return lines.map(line => plain(line.trim())).join('\n')
  return ['.nf', ...lines.map(plain), '.fi'].join('\n')
}

/** Nothing in it means anything to roff: backslashes, dashes, quotes, and dots or quotes that begin a line. */
function plain(words: string): string {
  const escaped = words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '...')
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped
}
