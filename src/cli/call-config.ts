import { type Config, type ConfigFlags, loadConfig, type TracedConfig, traceConfig } from '../spool/config.ts'
import type { Files } from '../system/files.ts'
import type { Call } from './act.ts'

/** The configuration of one call: files, environment, flags. */
export function loadCallConfig(call: Call<object>, files: Files, flags: ConfigFlags = {}): Promise<Config> {
  return loadConfig(sourcesOf(call, files, flags))
}

/** The same, with where each setting came from. */
export function traceCallConfig(call: Call<object>, files: Files, flags: ConfigFlags): Promise<TracedConfig> {
  return traceConfig(sourcesOf(call, files, flags))
}

function sourcesOf(call: Call<object>, files: Files, flags: ConfigFlags) {
  const { options, spool, shell } = call
  return { files, spool, file: options.config, flags, env: shell.env, cwd: shell.cwd() }
}
