import { type Config, type ConfigFlags, loadConfig } from '../spool/config.ts'
import type { Files } from '../system/files.ts'
import type { Call } from './act.ts'

/** The configuration of one call: files, environment, flags. */
export function loadCallConfig(call: Call<object>, files: Files, flags: ConfigFlags = {}): Promise<Config> {
  const { options, spool } = call
  return loadConfig({ files, spool, file: options.config, flags, env: process.env, cwd: process.cwd() })
}
