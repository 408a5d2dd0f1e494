import { isUtf8 } from 'node:buffer'

const SPACE = 0x20
const PERCENT = 0x25
/** Of a header's name, besides digits and letters of the lower case: HTTP does not tell cases apart. */
const NAME_SIGNS = new Set(Buffer.from("!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"))

/**
 * Any text as the value of an HTTP header: visible ASCII and inner spaces as they are, the rest, and `%`, as `%XX` of its
 * UTF-8. The way back is `decodeHeaderText`.
 */
export function encodeHeaderText(text: string): string {
  const bytes = Buffer.from(text)
  return encode(bytes, (byte, i) => {
    const inner = byte === SPACE && i > 0 && i < bytes.length - 1
    return byte !== PERCENT && byte < 0x7f && (byte > SPACE || inner)
  })
}

/** Any text as a part of the name of an HTTP header, in the same way. */
export function encodeHeaderName(text: string): string {
  return encode(Buffer.from(text), byte => NAME_SIGNS.has(byte))
}

/**
 * @param value As node:http gives it, a character a byte.
 * @param name For the error.
 * @throws TypeError when a `%` is not followed by two hex digits, or the bytes are not UTF-8.
 */
export function decodeHeaderText(value: string, name: string): string {
  if (/%(?![0-9a-fA-F]{2})/.test(value)) throw new TypeError(`${name}: write % as %25`)
  const plain = value.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  const bytes = Buffer.from(plain, 'latin1')
  if (!isUtf8(bytes)) throw new TypeError(`${name} must be UTF-8`)
  return bytes.toString()
}

function encode(bytes: Buffer, plain: (byte: number, i: number) => boolean): string {
  let text = ''
  for (const [i, byte] of bytes.entries())
    text += plain(byte, i) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}
