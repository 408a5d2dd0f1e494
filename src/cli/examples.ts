import type { Command } from 'commander'

/**
 * Gives the commands below `parent` those examples of its help that name them, so that each is written once.
 *
 * @param names Of those that have none of their own. Default: all.
 */
export function shareExamples(parent: Command, help: string, names?: readonly string[]): void {
  const lines = help.slice(help.indexOf('Examples:\n')).split('\n')
  for (const command of parent.commands) {
    const name = command.name()
    if (names?.includes(name) === false) continue
    const called = new RegExp(`\\bdropr ${parent.name()} ${name}(?![a-z-])`)
    const mine = lines.filter(line => called.test(line))
    if (mine.length > 0) command.addHelpText('after', `\nExamples:\n${mine.join('\n')}`)
  }
}
