import { isUtf8 } from 'node:buffer'
import { DroprError } from '../errors.ts'

/**
 * The fields of application/x-www-form-urlencoded, decoded exactly once: `+` is a space, `%XX` a byte, a `%` without two hex
 * digits itself. As URLSearchParams has it, except that what it would change or choose between is refused.
 *
 * @throws DroprError REQUEST_BAD when a field is not UTF-8, or given twice.
 */
export function formFields(body: Buffer): Map<string, string> {
  const plain = body
    .toString('latin1')
    .replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  if (!isUtf8(Buffer.from(plain, 'latin1'))) throw new DroprError('REQUEST_BAD', 'the fields must be UTF-8')
  const fields = new Map<string, string>()
  // Of a text it drops a question mark at the beginning.
  for (const [name, value] of new URLSearchParams(`&${body.toString()}`)) {
    if (fields.has(name))
      throw new DroprError('REQUEST_BAD', `the field ${JSON.stringify(name.slice(0, 50))} is given twice`)
    fields.set(name, value)
  }
  return fields
}
