import type { Command } from 'commander'

/** A command, by its words, with what may follow. */
interface Node {
  path: string
  words: Word[]
}

interface Word {
  word: string
  about: string
}

/** A script for a shell, made from the tree of commands. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const nodes = nodesOf(program, '', wordsOf(program.options))
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](nodes)
}

function nodesOf(command: Command, path: string, global: readonly Word[]): Node[] {
  const inner = command.commands.filter(found => found.name() !== 'help')
  const below = inner.map(found => ({ word: found.name(), about: found.description() }))
  const choices = command.registeredArguments.flatMap(found => found.argChoices ?? [])
  const own = path === '' ? [] : wordsOf(command.options)
  const words = [...below, ...choices.map(word => ({ word, about: '' })), ...own, ...global]
  return [{ path, words }, ...inner.flatMap(found => nodesOf(found, `${path} ${found.name()}`.trim(), global))]
}

function wordsOf(options: Command['options']): Word[] {
  return options
    .filter(option => !option.hidden)
    .map(({ long, short, description }) => ({ word: (long ?? short)!, about: description }))
}

/** Bash and zsh: which command stands before the cursor; what is no command (options and their values) is passed over. */
function commandTyped(nodes: readonly Node[]): string {
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [`"${path}"`]))
  return `  local typed="" word
  for word in "\${before[@]}"; do
    case "\${typed:+$typed }$word" in
      ${paths.join(' | ')}) typed="\${typed:+$typed }$word" ;;
    esac
  done`
}

function bashScript(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) => `    "${path}") choices="${words.map(({ word }) => word).join(' ')}" ;;`)
  return `# dropr: completion for bash
_dropr() {
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}") choices=""
${commandTyped(nodes)}
  case "$typed" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$choices" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _dropr dropr
`
}

function zshScript(nodes: readonly Node[]): string {
  const described = ({ word, about }: Word) => inQuotes(about === '' ? word : `${word}:${about}`)
  const cases = nodes.map(({ path, words }) => `    "${path}") choices=(${words.map(described).join(' ')}) ;;`)
  return `#compdef dropr
_dropr() {
  local -a before choices
  before=("\${(@)words[2,CURRENT-1]}")
${commandTyped(nodes)}
  case "$typed" in
${cases.join('\n')}
  esac
  _describe dropr choices || _files
}
_dropr "$@"
`
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words }) => {
    const steps = path.split(' ').filter(Boolean)
    const when =
      steps.length === 0
        ? '__fish_use_subcommand'
        : steps.map(step => `__fish_seen_subcommand_from ${step}`).join('; and ')
    return words.map(({ word, about }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `complete -c dropr -n '${when}' ${what} -d ${inQuotes(about)}`
    })
  })
  return `# dropr: completion for fish\n${lines.join('\n')}\n`
}

/** In single quotes, for each of the shells. */
function inQuotes(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`
}
