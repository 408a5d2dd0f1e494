import type { KeeperStatus } from '../angel/keeper.ts'
import { asSaid, type Failure, type ToAngel } from '../angel/talk.ts'
import { DroprError } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import { startDetached } from '../system/detached.ts'
import type { Call } from './act.ts'
import { banner } from './banner.ts'
import { openDaemonContext } from './daemon-context.ts'
import { daemonArgs } from './daemon-flags.ts'
import { EXIT } from './exit-codes.ts'
import type { UpOptions } from './up.ts'

/** Daemons that die at each start are left to their angel; whoever waits should know. */
const READY_MS_MAX = 30_000

interface Started {
  pid: number
  node: string
  spool: string
  roles: KeeperStatus[]
}

/** `up` in the background: returns when the daemons answer, or with what kept them from it. */
export async function daemonize(call: Call<UpOptions>): Promise<number> {
  const { options, out } = call
  // What is wrong with the configuration or the spool is told here, at the terminal.
  const { spool, system } = await openDaemonContext(call, 'angel')
  const logFile = options.logFile ?? `${spool.path}/dropr.log`
  const started = await start(call, { logFile, clock: system.clock })
  const { pid, node, roles } = started
  if (out.json) await out.value({ pid, node, spool: spool.path, logFile, roles })
  else out.note(`${banner(started)}\n  log: ${logFile}\n  stop it with: dropr stop --spool ${spool.path}`)
  return EXIT.done
}

function start(call: Call<UpOptions>, how: { logFile: string; clock: Clock }): Promise<Started> {
  const { logFile, clock } = how
  const args = [process.argv[1]!, 'up', '--daemonized', ...upArgs(call, logFile)]
  return new Promise((resolve, reject) => {
    const daemon = startDetached({
      args,
      output: logFile,
      onMessage(message) {
        const said = asSaid<ToAngel>(message)
        if (said?.say === 'failed') reject(errorOf(said.failure))
        if (said?.say !== 'ready') return
        daemon.release()
        resolve(said.facts as unknown as Started)
      },
      onExit({ code, signal }) {
        reject(new DroprError('UNEXPECTED', `the daemon ended (${signal ?? `exit code ${code}`}): see ${logFile}`))
      }
    })
    void clock.sleep(READY_MS_MAX).then(() => {
      daemon.release()
      const text = `the daemons do not work after ${READY_MS_MAX} ms and are started again: see dropr status, ${logFile}`
      reject(new DroprError('SERVER_BUSY', text))
    })
  })
}

function upArgs(call: Call<UpOptions>, logFile: string): string[] {
  const { options, spool } = call
  const args = [`--spool=${spool}`, `--roles=${options.roles.join(',')}`, ...daemonArgs({ ...options, logFile })]
  if (options.config !== undefined) args.push(`--config=${options.config}`)
  if (options.pidfile !== undefined) args.push(`--pidfile=${options.pidfile}`)
  if (options.single) args.push('--single')
  return args
}

function errorOf(failure: Failure): DroprError {
  return new DroprError(failure.code, failure.text)
}
