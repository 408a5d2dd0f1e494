import { spawn } from 'node:child_process'
import type { ChildExit } from './child.ts'

/** A program that a person named, started by its own words: no shell reads them. */
export interface CommandOptions {
  command: string
  args: readonly string[]
  /** The whole environment. */
  env: Readonly<Record<string, string | undefined>>
  /** All of its standard input. */
  input: Uint8Array
  /** Where its standard output goes: to ours, to our standard error, or to `onStdout`. */
  stdout: 'inherit' | 'stderr' | 'pipe'
  onStdout?: (chunk: Buffer) => void
  onStderr: (chunk: Buffer) => void
}

export interface RunningCommand {
  readonly pid: number | undefined
  /** To it and all that it started. False when they are gone. */
  kill(signal: NodeJS.Signals): boolean
  /** Never rejects. With an `error` it could not be started. */
  readonly ended: Promise<ChildExit>
}

/** Starts a program in a group of its own, so that Ctrl-C at the terminal is ours to pass on. */
export function startCommand(options: CommandOptions): RunningCommand {
  const { command, args, env, input, onStdout, onStderr } = options
  const stdout = options.stdout === 'stderr' ? 2 : options.stdout
  const child = spawn(command, args, { env: { ...env }, stdio: ['pipe', stdout, 'pipe'], detached: true })
  // It need not read what it is given: that the pipe is closed is no failure.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  child.stdout?.on('data', (chunk: Buffer) => onStdout?.(chunk))
  child.stderr?.on('data', onStderr)
  const ended = new Promise<ChildExit>(resolve => {
    child.on('error', error => {
      if (child.pid === undefined) resolve({ code: undefined, signal: undefined, error })
    })
    // Not 'exit': what it said last would still be unread.
    child.on('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }))
  })
  return { pid: child.pid, ended, kill: signal => killGroup(child.pid, signal) }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal)
  } catch {
    return false
  }
}
