import { Ids } from '../../../src/journal/ids.ts'
import { Destinations } from '../../../src/queue/destinations.ts'
import { Intake } from '../../../src/queue/intake.ts'
import { Poker } from '../../../src/queue/poke.ts'
import { Queue } from '../../../src/queue/queue.ts'
import { Sender } from '../../../src/queue/send.ts'
import { Schedule, ScheduleIntake } from '../../../src/scheduler/index.ts'
import { Owner } from '../../../src/server/owner.ts'
import { OutboxWriter } from '../../../src/spool/outbox-writer.ts'
import { scheduleOf } from '../../../src/spool/schedule-config.ts'
import { WriterLife } from '../../../src/spool/writer-life.ts'
import type { SimProcess } from '../../../src/system/sim/index.ts'
import type { Seat } from '../seat.ts'
import { SpyPort } from '../spy-port.ts'

/** A queue as `openQueue` makes it, with the checker between it and the inbox. */
export async function openSimQueue(process: SimProcess, seat: Seat): Promise<Queue> {
  const { site, who } = seat
  const { limits, config, checker } = site
  const { clock, random } = process
  const spool = await site.openSpool(process)
  const { node } = spool
  const ids = new Ids(clock, random)
  const life = await WriterLife.begin(spool)
  const poker = new Poker({ system: process, run: spool.run, node, here: () => Owner.here(spool) })
  const outbox = new OutboxWriter({ spool, writer: life.writer, ids, poke: hint => poker.poke(hint) })
  const { levels, shards, zone } = scheduleOf(config)
  const box = new ScheduleIntake({ spool, writer: life.writer, ids, shards })
  const destinations = new Destinations(node, config.peers)
  const attach = async () => {
    const port = await Owner.attach({ spool, mayOwn: true })
    if (Owner.here(spool)?.role === 'application') site.trace.note(`${who} owns the inbox`)
    return new SpyPort({
      port,
      disk: site.machine.disk,
      checker,
      who: { site: site.name, consumer: who },
      ticks: () => clock.ticks()
    })
  }
  return new Queue({
    system: process,
    limits,
    node,
    spool: spool.path,
    sender: new Sender({ outbox, destinations, clock, ids, limits, later: { box, zone } }),
    later: { zone, open: () => Promise.resolve(new Schedule({ spool, levels, shards })) },
    intake: new Intake(process, attach),
    closeBelow: async () => {
      poker.close()
      const closing = await Promise.allSettled([outbox.close(), box.close()])
      await life.close()
      for (const closed of closing) if (closed.status === 'rejected') throw closed.reason
    }
  })
}
