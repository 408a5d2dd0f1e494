import { Client } from '../../../src/client/client.ts'
import type { Network } from '../network.ts'
import type { Program } from '../seat.ts'

/** The client daemon, with the network as its only way out. */
export function clientProgram(network: Network): Program {
  return async (process, { site }) => {
    const spool = await site.openSpool(process)
    const transport = network.transport(site, process)
    const client = await Client.start({ spool, config: site.config, transport })
    return {
      close: async () => {
        await client.close({ withinMs: 1_000 })
        await transport.close()
      }
    }
  }
}
