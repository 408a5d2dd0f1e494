const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** 64 bits of the bytes [from, to) as two whole numbers: to find, never to decide. After cyrb53 (bryc, public domain). */
export function hashBytes(bytes: Uint8Array, from: number, to: number): readonly [number, number] {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    a = Math.imul(a ^ byte, 2_654_435_761)
    b = Math.imul(b ^ byte, 1_597_334_677)
  }
  const mixedA = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909)
  const mixedB = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909)
  return [mixedA >>> 0, mixedB >>> 0]
}

/** The hashes an id may be held under: as text, and, where it is a UUID, as its 16 bytes. */
export function hashesOfId(id: string): (readonly [number, number])[] {
  const text = Buffer.from(id)
  const hashes = [hashBytes(text, 0, text.length)]
  if (UUID.test(id)) hashes.push(hashBytes(Buffer.from(id.replaceAll('-', ''), 'hex'), 0, 16))
  return hashes
}

export function hashOfText(text: string): number {
  const bytes = Buffer.from(text)
  return hashBytes(bytes, 0, bytes.length)[0]
}
