import type { Message } from '../queue/message.ts'
import { checkDuration } from '../queue/options.ts'
import type { PollOptions } from '../queue/receive-options.ts'
import type { WebDesk } from './options.ts'

/** Longer waits are several requests: what stands between us mostly cuts them anyway. */
const WAIT_MS_MAX = 600_000

/** Messages for somebody beyond HTTP. Who goes away gets none: what was claimed for them waits again. */
export async function take(
  desk: WebDesk,
  options: Omit<PollOptions, 'signal'> & { max: number },
  signal: AbortSignal
): Promise<Message[]> {
  const { queue, waiting } = desk
  const waitMs = options.wait === undefined ? 0 : checkDuration(options.wait, 'wait', 0, WAIT_MS_MAX)
  const poll = () => queue.poll({ ...options, signal })
  return waitMs === 0 ? await poll() : await waiting.during(poll)
}
