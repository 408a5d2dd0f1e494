import type { Message } from '../queue/message.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Output } from './output.ts'

/** Whoever reads what we print may be slow: the message is held for as long as it takes. */
const EXTEND_MS = 15_000

/** Prints a large body piece by piece. */
export async function printLargeBody(message: Message, out: Output): Promise<void> {
  const { clock } = nodeSystem()
  let extended = clock.ticks()
  for await (const chunk of message.stream()) {
    await out.write(chunk as Buffer)
    if (clock.ticks() - extended < EXTEND_MS) continue
    extended = clock.ticks()
    await message.extend()
  }
}
