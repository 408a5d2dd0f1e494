import { DroprError, type ErrorCode } from '../errors.ts'
import type { Ticked } from './shown.ts'
import type { HeldState } from './steering.ts'

/** Of these a text names no more. */
const NAMED_MAX = 10

/** A shard that could not say anything. */
export interface Unanswered {
  shard: number
  code: ErrorCode
  error: string
}

export interface Answers<T> {
  /** What the others said, in the order of the shards. */
  said: T[]
  failed: { shard: number; reason: unknown }[]
}

/** Asks all, and waits for all: what one did stays done, and is to be told, when another cannot. */
export async function answersOf<T>(shards: readonly number[], ask: (shard: number) => Promise<T>): Promise<Answers<T>> {
  const answers: Answers<T> = { said: [], failed: [] }
  const settled = await Promise.allSettled(shards.map(ask))
  for (const [i, one] of settled.entries())
    if (one.status === 'fulfilled') answers.said.push(one.value)
    else answers.failed.push({ shard: shards[i]!, reason: one.reason })
  return answers
}

/** What counts only when each said its part. */
export function allOf<T>({ said, failed }: Answers<T>): T[] {
  if (failed[0] !== undefined) throw failed[0].reason
  return said
}

/**
 * What is so of one id: what the shard says that has it. Where none has it, one that could not answer may.
 *
 * @throws what the first rejected with that could not answer, when none has it
 */
export function oneOf<T extends { state: HeldState; done?: boolean }>(
  answers: Answers<T>
): T & { unanswered?: Unanswered[] } {
  const { said, failed } = answers
  const known = said.find(({ done }) => done === true) ?? said.find(({ state }) => state !== 'unknown')
  if (known === undefined) return allOf(answers)[0]!
  return failed.length === 0 ? known : { ...known, unanswered: failed.map(unansweredOf) }
}

/**
 * What became of all that was due.
 *
 * @throws what the first rejected with that could not answer; its text says what the others handed over
 */
export function tickedOf({ said, failed }: Answers<Ticked[]>): Ticked[] {
  const ticked = said.flat()
  const went = ticked.filter(({ code }) => code === undefined)
  const [first] = failed
  if (first === undefined) return ticked
  if (went.length === 0) throw first.reason
  const { code, error } = unansweredOf(first)
  const names = went.slice(0, NAMED_MAX).map(({ id }) => JSON.stringify(id))
  const more = went.length > NAMED_MAX ? ` and ${went.length - NAMED_MAX} more` : ''
  throw new DroprError(code, `${error}; of other shards were handed over ${names.join(', ')}${more}`, first.reason)
}

function unansweredOf({ shard, reason }: { shard: number; reason: unknown }): Unanswered {
  const code = reason instanceof DroprError ? reason.code : 'UNEXPECTED'
  return { shard, code, error: reason instanceof Error ? reason.message : String(reason) }
}
