/**
 * Whether a text fits what a person wrote: with `*` (any characters) or `?` (one) the whole text must fit, without them it must
 * only hold it. Never a regular expression, so that no pattern takes longer than its length times the text's.
 */
export function fitsText(text: string, pattern: string): boolean {
  if (!isGlob(pattern)) return text.includes(pattern)
  let at = 0
  let want = 0
  let star = -1
  let starAt = 0
  while (at < text.length) {
    const wanted = pattern[want]
    if (wanted === '*') {
      star = want++
      starAt = at
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[at])) {
      want++
      at++
    } else if (star !== -1) {
      // The star takes one more.
      want = star + 1
      at = ++starAt
    } else return false
  }
  while (pattern[want] === '*') want++
  return want === pattern.length
}

/** The same of bytes that are, most likely, UTF-8. */
export function fitsBytes(bytes: Buffer, pattern: string): boolean {
  return isGlob(pattern) ? fitsText(bytes.toString(), pattern) : bytes.includes(pattern)
}

function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern)
}
