import type { IncomingMessage } from 'node:http'
import { HEADER } from '../wire/headers.ts'
import { ENTRIES_TYPE, UPLOAD_BYTES_MAX } from '../wire/upload.ts'
import type { Rejection, RequestFacts } from './http-guard.ts'

/** Bodies are plain bytes of a length said before. */
export function refuseBody({ headers }: IncomingMessage): Rejection | undefined {
  const refuse = (status: number, text: string): Rejection => ({ status, code: 'REQUEST_BAD', text })
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') return refuse(415, 'packed bodies are not taken')
  if (headers['content-type'] !== ENTRIES_TYPE) return refuse(415, `the body must be ${ENTRIES_TYPE}`)
  const length = headers['content-length']
  if (length === undefined || headers['transfer-encoding'] !== undefined) return refuse(411, 'say content-length')
  if (Number(length) > UPLOAD_BYTES_MAX) return refuse(413, `an upload has at most ${UPLOAD_BYTES_MAX} bytes`)
  return undefined
}

/** What the guard looks at. */
export function factsOf({ headers, socket }: IncomingMessage): RequestFacts {
  const node = headers[HEADER.node]
  const site = headers['sec-fetch-site']
  return {
    host: headers.host,
    origin: headers.origin,
    secFetchSite: Array.isArray(site) ? site.join() : site,
    authorization: headers.authorization,
    node: Array.isArray(node) ? undefined : node,
    remoteAddress: socket.remoteAddress,
    localAddress: socket.localAddress
  }
}
