import { DroprError } from '../errors.ts'
import type { Spool } from '../spool/spool.ts'
import type { System } from '../system/system.ts'
import type { DeadLetter } from './burial.ts'

/** When an inbox was handed over, by this process or its owner (ticks): it does not take it before the other could. */
const HANDED_OVER = new WeakMap<System, Map<string, number>>()
/** Who was just looking for the owner has not heard of it, and may come first: such are asked in their turn. */
const STAND_BACK_MS = 5_000

export function standBack({ system, path }: Spool): void {
  const since = HANDED_OVER.get(system) ?? new Map<string, number>()
  HANDED_OVER.set(system, since.set(path, system.clock.ticks()))
}

/** Whom it was handed over to has it: what comes after is another matter. */
export function handedOver({ system, path }: Spool): void {
  HANDED_OVER.get(system)?.delete(path)
}

export function standsBack({ system, path }: Spool): boolean {
  const since = HANDED_OVER.get(system)?.get(path)
  return since !== undefined && system.clock.ticks() < since + STAND_BACK_MS
}

export function isApplication(about: unknown): boolean {
  return typeof about === 'object' && about !== null && (about as { role?: unknown }).role === 'application'
}

export function running(about: unknown): DroprError {
  const pid = (about as { pid?: unknown } | undefined)?.pid
  const who = typeof pid === 'number' ? `process ${pid}` : 'a process that does not answer'
  return new DroprError('DAEMON_RUNNING', `the inbox of this spool is owned by ${who}`)
}

export function codeOf(letter: DeadLetter): string {
  return ['consumer gone', 'lease ended'].includes(letter.reason) ? 'crashed' : letter.rejected ? 'rejected' : 'failed'
}
