import { spawn } from 'node:child_process'

/** Processes, as the angel sees them. Nothing else starts any. */
export interface Children {
  start(options: ChildOptions): Child
}

export interface ChildOptions {
  /** For node: flags, the script, and what the script is given. */
  args: readonly string[]
  /** The child's whole environment; our own when not given. */
  env?: Readonly<Record<string, string | undefined>>
  /** Where what it prints goes. Its standard input is always empty. Default `inherit`. */
  stdio?: 'inherit' | 'ignore'
  /** Called for what the child says with `parent.send`. */
  onMessage?: (message: unknown) => void
  /** Called once, when it has ended or could not be started. */
  onExit: (exit: ChildExit) => void
}

export interface ChildExit {
  /** Undefined when a signal ended it or it never ran. */
  code: number | undefined
  signal: NodeJS.Signals | undefined
  /** Why it could not be started. */
  error?: Error
}

export interface Child {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined
  /** Says something to it; nothing when it is gone. Plain JSON values. */
  send(message: unknown): void
  /** False when it is gone. */
  kill(signal: NodeJS.Signals): boolean
}

/** Real child processes, each with a line to this one. They end theirs when this one is gone: see `nodeParent`. */
export const nodeChildren: Children = {
  start(options) {
    const { args, env, stdio = 'inherit', onMessage, onExit } = options
    const child = spawn(process.execPath, args, {
      env: { ...(env ?? process.env) },
      stdio: ['ignore', stdio, stdio, 'ipc'],
      windowsHide: true
    })
    let over = false
    const exit = (how: ChildExit) => {
      if (over) return
      over = true
      onExit(how)
    }
    if (onMessage) child.on('message', onMessage)
    // Not 'exit': what the child said last would still be unread.
    child.on('close', (code, signal) => exit({ code: code ?? undefined, signal: signal ?? undefined }))
    child.on('error', error => {
      // Also comes for a message that could not be sent, or a signal: only without a process is it the end.
      if (child.pid === undefined) exit({ code: undefined, signal: undefined, error })
    })
    return {
      pid: child.pid,
      send: message => {
        if (child.connected) child.send(message as object, () => undefined)
      },
      kill: signal => child.kill(signal)
    }
  }
}

/** The line from a child to the process that started it. It keeps the child alive until `leave`. */
export interface Parent {
  send(message: unknown): void
  onMessage(callback: (message: unknown) => void): void
  /** Called once, when the parent has ended, however it did; at once when it already has. */
  onGone(callback: () => void): void
  /** Ends the line, so that the process may end. */
  leave(): void
}

/** Undefined when this process was not started by one with a line. */
export function nodeParent(): Parent | undefined {
  if (!process.send) return undefined
  return {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
    },
    onMessage(callback) {
      process.on('message', callback)
    },
    onGone(callback) {
      if (process.connected) process.once('disconnect', callback)
      else queueMicrotask(callback)
    },
    leave() {
      if (process.connected) process.disconnect()
    }
  }
}
