import type { Config } from '../spool/config.ts'
import { Spool } from '../spool/spool.ts'
import type { Log } from '../system/log.ts'
import { nodeSystem } from '../system/node-system.ts'
import { pinoLog } from '../system/pino-log.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { adoptConfig } from './adopt-config.ts'
import { loadCallConfig } from './call-config.ts'
import { type DaemonOptions, flagsOf } from './daemon-flags.ts'

/** What a daemon's process works with. */
export interface DaemonContext {
  system: System
  /** What may change while it runs is changed in place. */
  config: Config
  spool: Spool
  /**
   * Reads the configuration again, and takes over what a running daemon can.
   *
   * @throws DroprError CONFIG_BAD; the old one is kept, whole.
   */
  reload: () => Promise<Config>
}

/** Reads the configuration and opens the spool, so that what is wrong with either is told before anything starts. */
export async function openDaemonContext(call: Call<DaemonOptions>, role: string): Promise<DaemonContext> {
  const { options } = call
  const system = nodeSystem({ log: roleLog(options, role) })
  const load = () => loadCallConfig(call, system.files, flagsOf(options))
  const config = await load()
  // Changed in place later: what is there from the beginning is what is looked at.
  config.channels ??= new Map()
  const { node, limits, channels } = config
  const spool = await Spool.open({ system, path: call.spool, node, limits, channels })
  const reload = async () => {
    const next = await load()
    adoptConfig(config, next, system.log)
    return next
  }
  return { system, config, spool, reload }
}

/** The log of one process, with its role in every line. */
function roleLog(options: DaemonOptions, role: string): Log {
  const log = pinoLog({ level: options.logLevel, destination: options.logFile ?? 'stderr' })
  return {
    debugs: options.logLevel === 'debug',
    debug: (fields, text) => log.debug({ role, ...fields }, text),
    info: (fields, text) => log.info({ role, ...fields }, text),
    warn: (fields, text) => log.warn({ role, ...fields }, text),
    error: (fields, text) => log.error({ role, ...fields }, text)
  }
}
