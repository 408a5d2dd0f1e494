import { DroprError, diskError, type ErrorCode, systemCode } from '../errors.ts'
import { blobFault } from '../journal/blob-entry.ts'
import { BODY_KINDS, type BodyKind } from '../message.ts'
import type { Line } from '../system/sockets.ts'
import type { ListQuery } from './listing.ts'
import type { Shard } from './shard.ts'
import type { ChangedBody } from './steering.ts'

/** As in the names of files. */
const WRITER = /^[a-z0-9]{1,32}$/

/** What may be asked of whoever works on a shard, over its lock's socket. One line of JSON each way, `n` joins them. */
export type Request = { n: number } & (
  | { op: 'cancel' | 'now' | 'show'; id: string }
  | { op: 'change'; id: string; due?: number; body?: SaidBody }
  | { op: 'clean'; dryRun: boolean }
  | { op: 'list'; query: ListQuery }
  | { op: 'forecast' | 'status' | 'metrics' | 'tick' }
  /** A scheduler that works on `has` shards would take this one too. */
  | { op: 'give'; has: number }
)

interface SaidBody {
  kind: BodyKind
  base64: string
  putBy?: string
}

export interface Answer {
  n: number
  ok?: unknown
  error?: { code: ErrorCode; text: string }
}

/** What not the shard answers but who works on it. */
export interface Keeper {
  metrics: () => Promise<unknown>
  /** Whether the shard is free now. */
  give: (has: number) => Promise<boolean>
}

/** Somebody who has the shard for a moment. */
const NOBODY: Keeper = { metrics: () => Promise.resolve([]), give: () => Promise.resolve(false) }

/** Answers on one line until it ends. */
export function serve(line: Line, shard: Shard, keeper: Keeper = NOBODY): void {
  line.onMessage = text => void answer(line, shard, keeper, text)
}

async function answer(line: Line, shard: Shard, keeper: Keeper, text: string): Promise<void> {
  let n = 0
  try {
    const request = JSON.parse(text) as Request | { op: 'poke'; n?: undefined }
    if (request.op === 'poke') return shard.hint()
    n = request.n
    const ok = await said(shard, keeper, request)
    line.send(JSON.stringify({ n, ok } satisfies Answer))
  } catch (error) {
    const told = systemCode(error) === undefined ? error : diskError(error, 'work on the schedule')
    const code = told instanceof DroprError ? told.code : 'UNEXPECTED'
    line.send(JSON.stringify({ n, error: { code, text: told instanceof Error ? told.message : String(told) } }))
  }
}

function said(shard: Shard, keeper: Keeper, request: Request): Promise<unknown> {
  if (request.op === 'metrics') return keeper.metrics()
  if (request.op === 'give') return keeper.give(request.has)
  return act(shard, request)
}

async function act(shard: Shard, request: Exclude<Request, { op: 'give' }>): Promise<unknown> {
  switch (request.op) {
    case 'cancel':
      return shard.cancel(request.id)
    case 'now':
      return shard.sendNow(request.id)
    case 'show': {
      const { state, messages } = await shard.show(request.id)
      return { state, messages: messages.map(({ body, ...rest }) => ({ ...rest, body: base64(body) })) }
    }
    case 'change': {
      const { id, due, body } = request
      return shard.change(id, {
        ...(due === undefined ? {} : { due }),
        ...(body === undefined ? {} : { body: bodyOf(body) })
      })
    }
    case 'list':
      return shard.list(request.query)
    case 'clean':
      return shard.cleanBlobs(request.dryRun)
    case 'forecast':
      return shard.forecast()
    case 'status':
      return shard.status()
    case 'tick':
      return (await shard.tick()).map(({ error, ...rest }) => ({ ...rest, error: error?.message, code: error?.code }))
    default:
      throw new DroprError('REQUEST_BAD', `unknown request ${JSON.stringify((request as { op: unknown }).op)}`)
  }
}

function bodyOf({ kind, base64, putBy }: SaidBody): ChangedBody {
  if (!BODY_KINDS.includes(kind)) throw new DroprError('REQUEST_BAD', `unknown kind of body ${String(kind)}`)
  const bytes = Buffer.from(base64, 'base64')
  if (putBy === undefined) return { kind, bytes }
  const fault = WRITER.test(putBy) ? blobFault(bytes, 0, bytes.length) : `no writer is called ${putBy}`
  if (fault !== undefined) throw new DroprError('REQUEST_BAD', fault)
  return { kind, bytes, putBy }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
