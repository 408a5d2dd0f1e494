import { DroprError, ERRORS, type ErrorCode } from '../errors.ts'

/*
 * What a consumer and the inbox's owner say to each other over the owner's socket, one JSON text a line.
 *
 *   {"id":1,"op":"attach","spool":"<hex>","consumer":"<hex>","about":{"pid":1,"program":"x","since":1},"held":[{"lease":"3.17","remainingMs":5000}]}   ->  {"id":1,"ok":{"lost":[]}}
 *   {"id":2,"op":"claim","request":{...}}       ->  {"id":2,"ok":{"lease":"3.18",...}}      {"op":"cancel","claim":2} in between
 *   {"id":3,"op":"settle","verdicts":[...]}     ->  {"id":3,"ok":["ok","LEASE_LOST"]}
 *   {"id":4,"op":"extend","leases":[...],"leaseMs":60000}  ->  {"id":4,"ok":{"lost":[],"untilWall":...}}
 *   {"id":5,"op":"bye"}                         ->  {"id":5,"ok":true}        gives back what is held
 *   {"id":6,"op":"depths"}                      ->  {"id":6,"ok":[...]}
 *   {"id":9,"op":"peek","request":{...}}        ->  {"id":9,"ok":[...]}       runs, as of a claim
 *   {"id":10,"op":"steer","request":{"act":"pause","channel":"c"}}  ->  {"id":10,"ok":{"found":1,"changed":1}}
 *   {"id":7,"op":"handover"}                    ->  the line ends once the inbox is free, or {"id":7,"error":...}
 *   {"id":10,"op":"move","request":{...}}       ->  {"id":10,"ok":{...}}      a step of an operator's move (move.ts)
 *   {"op":"poke","channel":"c","priority":4}    no answer
 *   {"lost":["3.17"]}                           from the owner, unasked
 *   {"handover":true}                           the same: a server has asked for the inbox, and goes before who hears this
 *   {"id":8,"error":{"code":"DISK_FULL","text":"..."}}
 */

/** Any message of the line, as far as it was looked at. */
export type Said = Readonly<Record<string, unknown>>

/** Undefined when it is no object. */
export function parseSaid(text: string): Said | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Said) : undefined
  } catch {
    return undefined
  }
}

export function errorToSay(error: unknown): { code: ErrorCode; text: string } {
  if (error instanceof DroprError) return { code: error.code, text: error.message }
  return { code: 'UNEXPECTED', text: error instanceof Error ? error.message : String(error) }
}

export function errorSaid(said: unknown): DroprError {
  const { code, text } = (said ?? {}) as { code?: unknown; text?: unknown }
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'UNEXPECTED'
  return new DroprError(known, typeof text === 'string' ? text : '')
}
