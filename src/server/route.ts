import type { Readable } from 'node:stream'

/** JSON Schema, as far as fastify's validator and OpenAPI 3.1 agree on it. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What one route takes and gives: for fastify, which checks it, and for the OpenAPI document, which tells it. */
export interface RouteSchema {
  /** `operationId` of the document. */
  id: string
  summary: string
  params?: JsonSchema
  query?: JsonSchema
  /** Told, not checked. */
  headers?: JsonSchema
  /**
   * `bytes`: anything, as it is. `form`: application/x-www-form-urlencoded, as it is. Otherwise JSON. Absent: none is taken.
   */
  body?: JsonSchema | 'bytes' | 'form'
  /** By status: what it means, and its JSON. `bytes`: anything. Problems need not be listed. */
  answers: Readonly<Record<number, { means: string; headers?: JsonSchema; body?: JsonSchema | 'bytes' }>>
}

/** One way in, described as data. Rooms above the server make them; the server checks who asks, and serves them. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** As OpenAPI writes it: `/v1/queues/{channel}`. */
  path: string
  schema: RouteSchema
  bodyBytesMax: number
  /**
   * Of `bytes`: a body that is longer, or whose length was not said, is not read before the handler asks for it, piece by piece.
   * Absent: all are read whole.
   */
  heldBytesMax?: number
  /** A TypeError that it rejects with is the asker's fault. */
  handler(request: RouteRequest): Promise<RouteAnswer>
}

export interface RouteRequest {
  params: Readonly<Record<string, string>>
  query: Readonly<Record<string, string>>
  /** Lower-case names. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** A Buffer, its pieces (`heldBytesMax`), a value that fits the schema, or undefined. */
  body: unknown
  /** Aborts when the asker has gone. */
  signal: AbortSignal
}

export interface RouteAnswer {
  status: number
  headers?: Readonly<Record<string, string>>
  /** Goes out as it is; a text is JSON. */
  body?: Buffer | string | Readable
  /** Called when the asker went before it had the whole answer. */
  unsent?: () => void
}
