import type { Queue } from '../../../src/queue/queue.ts'
import { type OwnerDoor, queueOn } from '../../../src/queue/queue-on.ts'
import { Owner } from '../../../src/server/owner.ts'
import type { SimProcess } from '../../../src/system/sim/index.ts'
import type { Seat } from '../seat.ts'
import { SpyPort } from '../spy-port.ts'

/** A queue as `openQueue` makes it, with the checker between it and the inbox. */
export async function openSimQueue(process: SimProcess, seat: Seat): Promise<Queue> {
  const { site, who } = seat
  const { config, checker } = site
  const { clock } = process
  const owner: OwnerDoor = {
    here: spool => Owner.here(spool),
    attach: async options => {
      const port = await Owner.attach(options)
      if (Owner.here(options.spool)?.role === 'application') site.trace.note(`${who} owns the inbox`)
      return new SpyPort({
        port,
        disk: site.machine.disk,
        checker,
        who: { site: site.name, consumer: who },
        ticks: () => clock.ticks()
      })
    }
  }
  return await queueOn({ spool: await site.openSpool(process), config, owner })
}
