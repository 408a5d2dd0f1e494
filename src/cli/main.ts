import { resolve } from 'node:path'
import { Command, CommanderError, type OutputConfiguration } from 'commander'
import type { Act, Call, GlobalOptions, Shell } from './act.ts'
import { addAncestor } from './ancestor.ts'
import { addChannel } from './channel.ts'
import { addCheck } from './check.ts'
import { addClean } from './clean.ts'
import { addCompletion } from './completion.ts'
import { addConfig } from './config.ts'
import { addDead } from './dead.ts'
import { addDoctor } from './doctor.ts'
import { EXIT } from './exit-codes.ts'
import { addHold } from './hold.ts'
import { addLs } from './ls.ts'
import { Output } from './output.ts'
import { addPeek } from './peek.ts'
import { addPeer } from './peer.ts'
import { addPoll } from './poll.ts'
import { printError } from './print-error.ts'
import { addPurge } from './purge.ts'
import { addRequest } from './request.ts'
import { addRole } from './role.ts'
import { addForecast, addSchedule, addTick } from './schedule.ts'
import { addSend } from './send.ts'
import { addService } from './service.ts'
import { addShape } from './shape.ts'
import { addShow } from './show.ts'
import { addStatus } from './status.ts'
import { addStop } from './stop.ts'
import { addTail } from './tail.ts'
import { addToken } from './token.ts'
import { addTop } from './top.ts'
import { addUp } from './up.ts'
import { UsageError } from './usage-error.ts'
import { VERSION } from './version.ts'
import { addWork } from './work.ts'

/** In the order of the help. */
const WORK = [
  addUp,
  addStop,
  addStatus,
  addTop,
  addCheck,
  addPeer,
  addSend,
  addRequest,
  addPoll,
  addPeek,
  addTail,
  addWork,
  addSchedule,
  addForecast,
  addTick
]
const LOOK = [
  addLs,
  addShape,
  addShow,
  addChannel,
  addHold,
  addDead,
  addPurge,
  addClean,
  addDoctor,
  addToken,
  addConfig,
  addService,
  addCompletion
]

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
      exit = await run(() => does({ ...callOf(shell, options), args, options } as never), shell, options)
    }
  }
  // What stands behind -- is for another program.
  const json = argv.slice(0, argv.indexOf('--') >>> 0).includes('--json')
  const program = makeProgram(act, {
    writeOut: text => void shell.stdout.write(text),
    writeErr: text => void (json || shell.stderr.write(text))
  })
  addRole(program, act)
  addAncestor(program, act)
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
export function makeProgram(act: Act = () => () => Promise.resolve(), output: OutputConfiguration = {}): Command {
  const program = new Command('dropr')
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
  for (const add of [...WORK, ...LOOK]) add(program, act)
  return program
}

function callOf(shell: Shell, options: GlobalOptions): Pick<Call<object>, 'out' | 'shell' | 'spool'> {
  const spool = resolve(shell.cwd(), options.spool ?? (shell.env.DROPR_SPOOL || './spool'))
  return { out: outputOf(shell, options), shell, spool }
}

function outputOf(shell: Shell, options: GlobalOptions): Output {
  return new Output(shell, { json: options.json === true })
}

async function run(does: () => Promise<number>, shell: Shell, options: GlobalOptions): Promise<number> {
  try {
    return await does()
  } catch (error) {
    return printError(error, outputOf(shell, options), { debug: options.debug === true })
  }
}
