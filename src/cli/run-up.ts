import { resolve } from 'node:path'
import { openDesk } from '../angel/desk.ts'
import { type About, holdSpool } from '../angel/hold.ts'
import { failureOf } from '../angel/run-child.ts'
import type { ToAngel } from '../angel/talk.ts'
import { DroprError, ERRORS } from '../errors.ts'
import type { Config } from '../spool/config.ts'
import { nodeParent } from '../system/child.ts'
import type { Call } from './act.ts'
import { banner } from './banner.ts'
import { type Crew, startCrew } from './crew.ts'
import { type DaemonContext, openDaemonContext } from './daemon-context.ts'
import { EXIT } from './exit-codes.ts'
import { PidFile } from './pid-file.ts'
import { onSignals } from './signals.ts'
import type { UpOptions } from './up.ts'
import { VERSION } from './version.ts'

/** The daemons in the foreground: returns when they have ended. */
export async function runUp(call: Call<UpOptions>): Promise<number> {
  try {
    return await up(call)
  } catch (error) {
    if (call.options.daemonized) tellStarter({ say: 'failed', failure: failureOf(error) })
    throw error
  }
}

async function up(call: Call<UpOptions>): Promise<number> {
  const { options, out } = call
  const context = await openDaemonContext(call, 'angel')
  const { system, config, spool } = context
  const about: About = {
    pid: process.pid,
    startedAt: system.clock.now(),
    version: VERSION,
    node: spool.node,
    spool: spool.path,
    peerUrls: urlsOf(config)
  }
  // Never given away: the lock ends with this process, so that who waits for it waits for us.
  const lock = await holdSpool(system, { run: spool.run, about })
  const pidPath = options.pidfile
  const pidFile = pidPath === undefined ? undefined : await PidFile.write(system.files, resolve(pidPath))
  const crew = await startCrew(call, context)
  const release = onSignals(['SIGINT', 'SIGTERM'], signal => {
    system.log.info({ signal }, 'told to stop')
    crew.stop()
  })
  const releaseReload = onSignals(['SIGHUP'], () => void reload({ context, about, crew }))
  openDesk(lock, {
    stop: () => crew.stop(),
    async status() {
      const roles = await crew.status()
      return { ...about, ready: roles.every(role => role.state === 'ready'), roles }
    }
  })
  if ((await crew.settled) === 'ready') {
    const roles = await crew.status()
    system.log.info({ node: spool.node, spool: spool.path, version: VERSION, daemons: options.roles }, 'up')
    if (options.daemonized) tellStarter({ say: 'ready', facts: { ...about, roles } })
    else out.note(`${banner({ ...about, roles })}\n  stop it with Ctrl-C, or: dropr stop --spool ${spool.path}`)
  }
  const end = await crew.ended
  release()
  releaseReload()
  await pidFile?.remove()
  if (typeof end === 'object') throw new DroprError(end.code, end.text)
  system.log.info({ end }, 'ended')
  return end === 'finished' ? EXIT.done : ERRORS.ABORTED.exit
}

/** Reads the configuration again and tells the daemons to. A bad one changes nothing (UP-6). */
async function reload(up: { context: DaemonContext; about: About; crew: Crew }): Promise<void> {
  const { context, about, crew } = up
  const { log } = context.system
  try {
    about.peerUrls = urlsOf(await context.reload())
    crew.reload()
    log.info({ peers: [...context.config.peers.keys()] }, 'the configuration was read again')
  } catch (error) {
    const { code, text } = failureOf(error)
    log.error({ code, error: text }, 'the configuration is bad: the old one is kept')
  }
}

function urlsOf(config: Config): Record<string, string> {
  return Object.fromEntries([...config.peers].map(([name, peer]) => [name, peer.url]))
}

/** The last word to the process that put us in the background: it waits for it, and goes. */
function tellStarter(said: ToAngel): void {
  const starter = nodeParent()
  starter?.send(said)
  starter?.leave()
}
