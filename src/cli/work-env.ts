import type { Message } from '../queue/message.ts'
import type { Env } from '../spool/config-env.ts'

type Told = Pick<
  Message,
  'id' | 'channel' | 'priority' | 'from' | 'sentAt' | 'receivedAt' | 'attempt' | 'deliveries' | 'kind' | 'headers'
>

/**
 * Headers are `DROPR_H_<NAME>`, the name in upper case with `_` for `-`. They come from other nodes: so only names of plain
 * letters, digits, `-` and `_`, each in a variable that means nothing to any program (a test holds them against the
 * configuration's own); two that would share one, and values with NUL, are in DROPR_HEADERS only, which has all of them.
 */
const HEADER = 'DROPR_H_'
const HEADER_NAME = /^[a-z0-9_-]+$/i
/** Linux takes 131,072 bytes for one variable. */
const VALUE_BYTES_MAX = 100_000

/** The environment of a command that works on a message. */
export function workEnv(message: Told, inherited: Env): Record<string, string> {
  const env: Record<string, string> = {}
  // What a worker above this one was told is not about this message.
  for (const [name, value] of Object.entries(inherited))
    if (value !== undefined && !name.startsWith(HEADER)) env[name] = value
  const { id, channel, priority, from, sentAt, receivedAt, attempt, deliveries, kind, headers } = message
  const facts = { id, channel, priority, from, sentAt, receivedAt, attempt, deliveries, kind }
  for (const [name, value] of Object.entries(facts)) put(env, factName(name), String(value))
  put(env, 'DROPR_HEADERS', JSON.stringify(headers))
  const taken = new Map<string, string | undefined>()
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) continue
    const variable = HEADER + name.toUpperCase().replaceAll('-', '_')
    taken.set(variable, taken.has(variable) ? undefined : value)
  }
  for (const [variable, value] of taken) if (value !== undefined) put(env, variable, value)
  return env
}

/** `sentAt` is DROPR_SENT_AT. */
export function factName(name: string): string {
  return `DROPR_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}

/** What no environment can hold is left out, never cut. */
function put(env: Record<string, string>, name: string, value: string): void {
  if (value.includes('\0') || Buffer.byteLength(value) > VALUE_BYTES_MAX) delete env[name]
  else env[name] = value
}
