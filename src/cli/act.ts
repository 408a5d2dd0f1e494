import type { Readable } from 'node:stream'
import type { Output } from './output.ts'

/** What a command sees of where it was called: `process`, or what a test puts in its place. */
export interface Shell {
  stdin: Readable & { isTTY?: boolean }
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream
  env: NodeJS.ProcessEnv
  cwd(): string
}

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  spool?: string
  config?: string
  json?: boolean
  debug?: boolean
}

/** What a command is given to work with. */
export interface Call<O> {
  args: (string | undefined)[]
  options: O & GlobalOptions
  out: Output
  shell: Shell
  /** Absolute: `--spool`, else DROPR_SPOOL, else ./spool. */
  spool: string
}

/** Wraps what a command does for commander; the number it resolves with is the exit code. */
export type Act = <O = object>(does: (call: Call<O>) => Promise<number>) => (...given: unknown[]) => Promise<void>
