import { BlobIntake } from '../../../src/server/blob-intake.ts'
import { Owner } from '../../../src/server/owner.ts'
import { Receiver } from '../../../src/server/receiver.ts'
import type { Spool } from '../../../src/spool/spool.ts'
import type { Program } from '../seat.ts'

/** The server daemon: owns the inbox and receives, without HTTP. */
export function serverProgram(receivedBytesMax: number | undefined): Program {
  return async (process, seat) => {
    const { site } = seat
    const spool = await site.openSpool(process)
    const applications = site.seats.filter(
      ({ process: system }) => system && Owner.here({ system, path: spool.path } as unknown as Spool)
    )
    const owner = await Owner.own({ spool })
    if (applications.some(application => application.running !== undefined)) site.sometimes.saw('hand-over')
    site.sometimes.saw('take-over')
    site.trace.note(`${seat.who} owns the inbox, epoch ${owner.epoch}`)
    const limits = { ...site.limits, ...(receivedBytesMax !== undefined && { messageBytesMax: receivedBytesMax }) }
    const blobs = new BlobIntake({ spool, limits })
    const receiver = new Receiver({ clock: process.clock, log: process.log, limits, store: owner.store, blobs })
    const receive = (request: Parameters<Receiver['receive']>[0], peer: string) => receiver.receive(request, peer)
    site.door = { receive, seat, process, depth: () => owner.depth(), answers: 0 }
    return {
      close: async () => {
        site.door = undefined
        await blobs.close()
        await owner.close()
      }
    }
  }
}
