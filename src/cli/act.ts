import type { Output } from './output.ts'

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
  /** Absolute: `--spool`, else DROPR_SPOOL, else ./spool. */
  spool: string
}

/** Wraps what a command does for commander; the number it resolves with is the exit code. */
export type Act = <O = object>(does: (call: Call<O>) => Promise<number>) => (...given: unknown[]) => Promise<void>
