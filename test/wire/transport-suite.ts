import { test } from 'vitest'
import { type Pair, transportCases } from '../../src/conformance/transport.ts'
import type { ReceiveUpload } from '../../src/wire/transport.ts'

export { type Pair, STREAM, uploadOf } from '../../src/conformance/transport.ts'

export const never: AbortSignal = new AbortController().signal

/** The published suite, a test a case. */
export function testTransport(name: string, open: (receive: ReceiveUpload) => Promise<Pair>): void {
  for (const { title, run } of transportCases(open)) test(`${name}: ${title}`, run)
}
