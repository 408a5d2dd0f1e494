const DEPTH_MAX = 64

/**
 * Reads JSON from outside. `JSON.parse` itself is safe; what is done with its result need not be: a key `__proto__`, merged
 * or copied, changes the prototype of something, and thousands of brackets overflow the stack of whoever walks them.
 *
 * @throws SyntaxError for what is not JSON, holds a key `__proto__`, or is nested deeper than `depthMax`.
 */
export function parseSafeJson(text: string, depthMax = DEPTH_MAX): unknown {
  if (depthOf(text) > depthMax) throw new SyntaxError(`JSON nested deeper than ${depthMax}`)
  const value: unknown = JSON.parse(text)
  // A key can be spelled with escapes. Texts without either need no walk.
  if (text.includes('__proto__') || text.includes('\\u')) refusePoison(value)
  return value
}

/** An object whose own properties may be read by name, or undefined. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.assign(Object.create(null), value)
    : undefined
}

/** How many brackets are open at most at once, outside strings. */
export function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 0x5c) i++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (code === 0x5d || code === 0x7d) depth--
  }
  return deepest
}

function refusePoison(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '__proto__')) throw new SyntaxError('JSON with a key __proto__')
  for (const part of Object.values(value)) refusePoison(part)
}
