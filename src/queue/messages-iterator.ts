import { keepAlive } from '../system/keep-alive.ts'
import type { System } from '../system/system.ts'
import { Feed } from './feed.ts'
import type { HeldMessage } from './held-message.ts'
import type { Intake } from './intake.ts'
import type { Message } from './message.ts'

export interface IterateOptions {
  intake: Intake
  system: System
  channels: string[]
  leaseMs: number | undefined
  /** Ends the loop. */
  signal: AbortSignal
}

/**
 * Messages for a `for await` loop. Asking for the next one acknowledges the one before, unless it got a verdict; leaving the
 * loop gives back the one in hand and everything claimed ahead.
 */
export async function* iterateMessages(options: IterateOptions): AsyncGenerator<Message, void, void> {
  const { signal, intake } = options
  let wake = () => {}
  const feed = new Feed({ ...options, concurrency: 1, onMore: () => wake() })
  const end = () => wake()
  signal.addEventListener('abort', end, { once: true })
  let current: HeldMessage | undefined
  try {
    while (!signal.aborted && !feed.closed) {
      current = feed.take()
      if (current === undefined) {
        const letGo = keepAlive()
        await new Promise<void>(resolve => {
          wake = resolve
        })
        letGo()
        continue
      }
      yield current
      current.settle('ack')
      current = undefined
    }
  } finally {
    signal.removeEventListener('abort', end)
    current?.settle('release')
    await feed.close()
    await intake.verdicts.idle()
  }
}
