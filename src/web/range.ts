/** Which bytes of a body somebody wants: those of [from, to); all; or none that there are. */
export type Wanted = { from: number; to: number } | 'all' | 'none'

const RANGE = /^ *bytes *= *(\d{0,15}) *- *(\d{0,15}) *$/i

/**
 * What a `Range` asks for (RFC 9110). More than one range, other units and what is no range are not served: that is all, as if
 * nothing had been asked. So is a range of a body that is another one by now.
 *
 * @param asked.ifRange The header `If-Range`: a strong entity tag, or a date, which is never ours.
 */
export function wantedOf(
  asked: { range: string | undefined; ifRange: string | undefined },
  body: { bytes: number; etag: string }
): Wanted {
  const { range, ifRange } = asked
  const [, first, last] = RANGE.exec(range ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'all'
  if (ifRange !== undefined && ifRange.trim() !== body.etag) return 'all'
  if (first === '') return last === '0' || body.bytes === 0 ? 'none' : part(body.bytes - Number(last), body.bytes, body)
  if (last !== '' && Number(last) < Number(first)) return 'all'
  return Number(first) >= body.bytes ? 'none' : part(Number(first), last === '' ? body.bytes : Number(last) + 1, body)
}

function part(from: number, to: number, { bytes }: { bytes: number }): Wanted {
  return { from: Math.max(0, from), to: Math.min(bytes, to) }
}
