const RESULT_BYTES_MAX = 4_096

/** What an ack keeps with its mark: a small JSON value, a copy. */
export function checkResult(result: unknown): unknown {
  if (result === undefined) return undefined
  const text: string | undefined = JSON.stringify(result)
  if (text === undefined) throw new TypeError(`result must be a JSON value, got ${typeof result}`)
  const bytes = Buffer.byteLength(text)
  if (bytes > RESULT_BYTES_MAX)
    throw new TypeError(`result must be at most ${RESULT_BYTES_MAX} bytes of JSON, got ${bytes}`)
  return JSON.parse(text)
}
