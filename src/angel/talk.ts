import type { ErrorCode } from '../errors.ts'

/**
 * What a child and its angel say to each other over the pipe between them.
 *
 *     child:  beat …  ready, beat, beat, status …
 *     angel:  status …  stop
 *
 * The pipe's end is the last word of either: a child whose angel died ends itself, an angel whose child died starts another.
 */
export type ToAngel =
  /** The loop turns, and the role answered that it is well. */
  | { say: 'beat' }
  /** The role said that it is not well; `beat` stays out. */
  | { say: 'sick'; reason: string }
  /** The role works. `facts` are for people: where it listens, for instance. */
  | { say: 'ready'; facts: Facts }
  /** The role could not start; the child ends. */
  | { say: 'failed'; failure: Failure }
  | { say: 'status'; n: number; status: unknown }
  /** It has handled as much as it should in one life, and ends; another one is to be started. */
  | { say: 'full' }

export type ToChild =
  /** Read the configuration again. */
  | { say: 'reload' }
  | { say: 'status'; n: number }
  /** Finish what is in hand, within so long, and end. */
  | { say: 'stop'; withinMs: number }

export type Facts = Readonly<Record<string, unknown>>

export interface Failure {
  code: ErrorCode
  text: string
}

/** A message that came over the pipe; undefined for anything that is not one of ours. */
export function asSaid<T extends { say: string }>(message: unknown): T | undefined {
  if (typeof message !== 'object' || message === null || !('say' in message)) return undefined
  return typeof message.say === 'string' ? (message as T) : undefined
}
