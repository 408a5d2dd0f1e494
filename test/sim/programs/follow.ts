import { DroprError } from '../../../src/errors.ts'
import type { SentMessage } from '../../../src/queue/receipt.ts'
import type { SimProcess } from '../../../src/system/sim/index.ts'
import type { Sent } from '../ledger.ts'
import type { Seat } from '../seat.ts'

const AGAIN_MS = 500
/** Of what a node sent to itself nothing is known any more once it is finished and removed. */
const LOCAL_MS_MAX = 5_000
const ENDINGS = ['MESSAGE_DEAD', 'MESSAGE_EXPIRED', 'MESSAGE_CANCELLED']

/** Hears what becomes of a message, until that is known or the process ends: then a later one asks again, by the id. */
export async function follow(
  process: SimProcess,
  seat: Seat,
  sent: Sent,
  message: SentMessage
): Promise<'heard' | 'not'> {
  const { checker, name } = seat.site
  const isLocal = sent.to === name
  const waiting = isLocal ? { timeout: LOCAL_MS_MAX } : {}
  for (;;) {
    try {
      if (!sent.delivered && !isLocal) await heardDelivered(seat, sent, message)
      const { result } = await message.settled(waiting)
      checker.settled(sent, result)
      return 'heard'
    } catch (error) {
      const code = error instanceof DroprError ? error.code : ''
      if (code === 'CLOSED') return 'not'
      if (code === 'WAIT_TIMEOUT') return 'heard'
      if (ENDINGS.includes(code)) {
        checker.failed(sent, code)
        return 'heard'
      }
      seat.site.trace.note(`#${sent.token}: ${String(error)}`)
      seat.site.checkTyped(error, `${seat.who} asks what became of #${sent.token}`)
      await process.clock.sleep(AGAIN_MS)
    }
  }
}

/** When nothing of it is left here, it was there. */
async function heardDelivered(seat: Seat, sent: Sent, message: SentMessage): Promise<void> {
  try {
    await message.delivered()
    seat.site.checker.delivered(sent)
  } catch (error) {
    if (!(error instanceof DroprError) || error.code !== 'MESSAGE_UNKNOWN') throw error
  }
}
