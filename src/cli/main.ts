import { resolve } from 'node:path'
import { Command, CommanderError, type OutputConfiguration } from 'commander'
import { keepAlive } from '../system/keep-alive.ts'
import type { Act, Call, GlobalOptions, Shell } from './act.ts'
import { allCommands, commandsFor } from './commands.ts'
import { EXIT } from './exit-codes.ts'
import { Output } from './output.ts'
import { printError } from './print-error.ts'
import { UsageError } from './usage-error.ts'
import { VERSION } from './version.ts'

const HELP = `
Exit codes:
  0   done                               2   the command line makes no sense
  1   nothing was there; check: a warning  3   status: no daemons work on this spool
  64 and above: an error of the table in docs/errors.md, for instance 75 "try again later"

Examples:
  $ dropr up --daemonize                 start this node
  $ dropr send orders 'hello'            put a message on the local disk
  $ dropr poll orders                    take it again
  $ dropr stop`

/**
 * The command line.
 *
 * @param argv Arguments, without `node` and the script.
 * @param shell Where it was called. The daemons of `up` look at `process` itself.
 * @returns The exit code, once all output has been taken.
 */
export async function main(argv: string[], shell: Shell = process): Promise<number> {
  let exit: number = EXIT.done
  const act: Act = does => {
    // Commander calls with the arguments, the command's options, and the command.
    return async (...given) => {
      const command = given.at(-1) as Command
      const options = command.optsWithGlobals() as GlobalOptions
      const args = given.slice(0, -2)
      const calls = () => does({ ...callOf(shell, options), args, options } as never)
      exit = await run(calls, shell, { ...options, command: nameOf(command) })
    }
  }
  // What stands behind -- is for another program.
  const json = argv.slice(0, argv.indexOf('--') >>> 0).includes('--json')
  const program = bareProgram({
    writeOut: text => void shell.stdout.write(text),
    writeErr: text => void (json || shell.stderr.write(text))
  })
  for (const add of await commandsFor(argv)) add(program, act)
  pointToHelp(program)
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help that was asked for. Anything else is the caller's mistake; commander has printed it, unless it is to be JSON.
    if (error.exitCode === 0) return EXIT.done
    if (json)
      printError(new UsageError(error.message.replace(/^error: /, '')), outputOf(shell, { json }), { debug: false })
    return EXIT.usage
  }
  return exit
}

/** All commands and flags that are for people; docs/options.md is made from it. Without `act`, none of them does anything. */
export async function makeProgram(act: Act = () => () => Promise.resolve()): Promise<Command> {
  const program = bareProgram()
  for (const add of await allCommands()) add(program, act)
  return program
}

function bareProgram(output: OutputConfiguration = {}): Command {
  return new Command('dropr')
    .description('Peer-to-peer durable messages between nodes, with files as the only storage')
    .version(VERSION, '-V, --version', 'print the version')
    .option('--spool <folder>', 'the spool to work on (default: $DROPR_SPOOL, else ./spool)')
    .option('--config <file>', 'read this configuration instead of ./dropr.json')
    .option('--json', 'print JSON, errors too')
    .option('--debug', 'print stacks with errors')
    .addHelpText('after', HELP)
    .configureOutput(output)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(dropr help shows what there is)')
    .exitOverride()
}

/** Its words behind `dropr`. */
function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}

/** Who mistypes a command is shown where that one is explained. */
function pointToHelp(program: Command): void {
  for (const command of program.commands) {
    // Verbs of 2008 show their usage at once.
    if (!command.name().includes('_')) command.showHelpAfterError(`(dropr ${nameOf(command)} --help shows how)`)
    pointToHelp(command)
  }
}

function callOf(shell: Shell, options: GlobalOptions): Pick<Call<object>, 'out' | 'shell' | 'spool'> {
  const spool = resolve(shell.cwd(), options.spool ?? (shell.env.DROPR_SPOOL || './spool'))
  return { out: outputOf(shell, options), shell, spool }
}

function outputOf(shell: Shell, options: GlobalOptions): Output {
  return new Output(shell, { json: options.json === true })
}

async function run(
  does: () => Promise<number>,
  shell: Shell,
  options: GlobalOptions & { command: string }
): Promise<number> {
  // None of our sockets and clocks keeps a process: what a command waits for may be all there is.
  const letGo = keepAlive()
  try {
    return await does()
  } catch (error) {
    return printError(error, outputOf(shell, options), { debug: options.debug === true, command: options.command })
  } finally {
    letGo()
  }
}
