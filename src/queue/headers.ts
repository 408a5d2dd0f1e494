import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Headers } from '../message.ts'
import { said } from './options.ts'

/**
 * Names in any case, values any well-formed text: kept as they are, CR, LF and NUL included.
 *
 * @throws TypeError for anything but texts; DroprError MESSAGE_TOO_LARGE above headersMax or headerBytesMax.
 */
export function checkHeaders(given: unknown, limits: Limits): Headers | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof Map) {
    throw new TypeError(`headers must be an object of texts, got ${said(given)}`)
  }
  let count = 0
  let bytes = 0
  for (const [name, value] of Object.entries(given)) {
    const said = JSON.stringify(name.slice(0, 50))
    if (typeof value !== 'string') throw new TypeError(`header ${said} must be text, got ${typeof value}`)
    if (name === '' || !name.isWellFormed()) throw new TypeError('a header name must be well-formed text, not empty')
    if (!value.isWellFormed()) throw new TypeError(`header ${said} must be well-formed Unicode`)
    count++
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  if (count > limits.headersMax) {
    throw new DroprError('MESSAGE_TOO_LARGE', `${count} headers are above headersMax ${limits.headersMax}`)
  }
  if (bytes > limits.headerBytesMax) {
    throw new DroprError(
      'MESSAGE_TOO_LARGE',
      `${bytes} bytes of headers are above headerBytesMax ${limits.headerBytesMax}`
    )
  }
  return count === 0 ? undefined : (given as Headers)
}
