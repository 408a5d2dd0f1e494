/** Exit codes beside those of the error table (src/errors.ts, 64 and above). Stable; docs/cli.md lists them. */
export const EXIT = {
  done: 0,
  /** `poll`: no message was there. */
  nothing: 1,
  usage: 2,
  /** `status`, `peer kick`: no daemons work on the spool (the number is LSB's). */
  stopped: 3,
  unexpected: 70,
  /** Interrupted by Ctrl-C, as shells count: 128 + SIGINT. */
  interrupted: 130,
  /** Whoever read our output went away: 128 + SIGPIPE. */
  pipeClosed: 141
} as const
