import type { Clock } from './clock.ts'
import type { Log, LogFields } from './log.ts'

const CAUSE_MS = 1_000

/** Causes remembered at a time. More different ones within a second go through unlimited. */
const CAUSES_MAX = 1_000

type Level = 'info' | 'warn' | 'error'

/**
 * At most one line a second for each cause (level, `fields.code` and text); `debug` is not limited.
 *
 * Of what comes meanwhile the last is written when the second is over, and says how many were held back: a disk that turned
 * read-only gives one line a second, and the end of a burst is not lost.
 */
export function rateLimited(log: Log, clock: Clock): Log {
  const held = new Map<string, { lines: number; fields: LogFields }>()

  async function wait(level: Level, text: string, cause: string): Promise<void> {
    for (;;) {
      await clock.sleep(CAUSE_MS)
      const last = held.get(cause)
      if (!last || last.lines === 0) break
      log[level](last.lines === 1 ? last.fields : { ...last.fields, heldBack: last.lines - 1 }, text)
      held.set(cause, { lines: 0, fields: {} })
    }
    held.delete(cause)
  }

  function write(level: Level, fields: LogFields, text: string): void {
    const cause = `${level} ${String(fields.code)} ${text}`
    const last = held.get(cause)
    if (last) {
      last.lines++
      last.fields = fields
      return
    }
    log[level](fields, text)
    if (held.size >= CAUSES_MAX) return
    held.set(cause, { lines: 0, fields: {} })
    void wait(level, text, cause)
  }

  return {
    ...(log.debugs === undefined ? {} : { debugs: log.debugs }),
    debug: (fields, text) => log.debug(fields, text),
    info: (fields, text) => write('info', fields, text),
    warn: (fields, text) => write('warn', fields, text),
    error: (fields, text) => write('error', fields, text)
  }
}
