import { createRequire } from 'node:module'
import type * as undici from 'undici'

export type Pool = undici.Pool
export type ResponseData = undici.Dispatcher.ResponseData

/**
 * The parts of undici that upload. The whole of it, with fetch, web sockets and mocks, cost each start of a client 0.1 s of
 * processor time. Where a part lies is certain: the version is exact.
 */
const load = createRequire(import.meta.url)

export const buildConnector: typeof undici.buildConnector = load('undici/lib/core/connect.js')
export const Pool: typeof undici.Pool = load('undici/lib/dispatcher/pool.js')

// As undici's own index does, for every dispatcher and each way to ask.
Object.assign(Pool.prototype, { request: load('undici/lib/api/api-request.js') })
