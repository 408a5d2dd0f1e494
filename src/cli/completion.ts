import { Argument, type Command } from 'commander'
import type { Act } from './act.ts'
import { EXIT } from './exit-codes.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

const HELP = `
Prints a script that completes commands and options; it is made from the commands themselves.

Examples:
  $ dropr completion bash > ~/.local/share/bash-completion/completions/dropr
  $ dropr completion zsh > "\${fpath[1]}/_dropr"
  $ dropr completion fish > ~/.config/fish/completions/dropr.fish`

/** `dropr completion`. */
export function addCompletion(program: Command, act: Act): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which').choices(SHELLS))
    .addHelpText('after', HELP)
    .action(
      act(async ({ args, out }) => {
        const { completionScript } = await import('./completion-script.ts')
        const script = completionScript(program, args[0] as (typeof SHELLS)[number])
        await (out.json ? out.value({ shell: args[0], script }) : out.write(script))
        return EXIT.done
      })
    )
}
