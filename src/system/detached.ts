import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

export interface DetachedOptions {
  /** For node: the script, and what it is given. */
  args: readonly string[]
  /** A file, made 0600, to which what it prints is appended. */
  output: string
  onMessage: (message: unknown) => void
  onExit: (exit: { code: number | undefined; signal: NodeJS.Signals | undefined }) => void
}

export interface Detached {
  readonly pid: number | undefined
  /** Lets it live on its own: it no longer keeps us alive, nor we it. */
  release(): void
}

/** A process of a session of its own, which outlives this one and its terminal. */
export function startDetached(options: DetachedOptions): Detached {
  const output = openSync(options.output, 'a', 0o600)
  try {
    const child = spawn(process.execPath, options.args, { detached: true, stdio: ['ignore', output, output, 'ipc'] })
    child.on('message', options.onMessage)
    child.once('close', (code, signal) => options.onExit({ code: code ?? undefined, signal: signal ?? undefined }))
    child.on('error', () => {
      if (child.pid === undefined) options.onExit({ code: undefined, signal: undefined })
    })
    return {
      pid: child.pid,
      release() {
        if (child.connected) child.disconnect()
        child.unref()
      }
    }
  } finally {
    closeSync(output)
  }
}
