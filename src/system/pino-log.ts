import { type DestinationStream, destination, pino } from 'pino'
import type { Log } from './log.ts'

export interface PinoLogOptions {
  level?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** `stderr`, or the path of a file (mode 0600) to append to. */
  destination?: string
}

/** Where secrets could stand in a line's fields. They never should: this is the second lock on the door. */
const SECRET = ['token', 'authorization', '*.token', '*.authorization', '*.*.token', '*.*.authorization']

/** JSON lines by pino. The only door to that package. */
export function pinoLog(options: PinoLogOptions = {}): Log {
  const { level = 'info', destination: to = 'stderr' } = options
  // Written at once: what was logged just before a crash is what one wants to read.
  const stream = destination({ dest: to === 'stderr' ? 2 : to, sync: true, append: true, mkdir: false, mode: 0o600 })
  // A full disk or a closed terminal must not end the daemon; the line is lost.
  stream.on('error', () => undefined)
  return pinoTo(stream, level)
}

/** As `pinoLog`, into any stream. */
export function pinoTo(stream: DestinationStream, level: NonNullable<PinoLogOptions['level']>): Log {
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: SECRET, censor: '[redacted]' }
    },
    stream
  )
  return Object.assign(log, { debugs: level === 'debug' })
}
