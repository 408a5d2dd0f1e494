import { holdRole } from '../angel/hold.ts'
import type { Role, RoleName } from '../angel/role.ts'
import type { DaemonContext } from './daemon-context.ts'
import { VERSION } from './version.ts'

const STARTS: Readonly<Record<RoleName, (context: DaemonContext) => Promise<Role>>> = {
  client: startClient,
  server: startServer,
  scheduler: startSchedule
}

/** Starts a daemon's work in this process, once no other process does it any more. */
export async function startRole(role: RoleName, context: DaemonContext): Promise<Role> {
  const { system, spool } = context
  // Never given away: it ends with this process, so that the next one begins when nothing of this one is left.
  await holdRole(system, { run: spool.run, role, about: { pid: process.pid, role, startedAt: system.clock.now() } })
  return await STARTS[role](context)
}

async function startClient({ system, spool, config, reload }: DaemonContext): Promise<Role> {
  const [{ Client }, { HttpTransport }] = await Promise.all([
    import('../client/client.ts'),
    import('../wire/http-transport.ts')
  ])
  const transport = new HttpTransport({ clock: spool.system.clock, limits: config.limits })
  const client = await Client.start({ spool, config, transport })
  let seen = { scans: -1, at: 0 }
  return {
    facts: () => ({}),
    /** Its loop looks at everything every `scanMs`: a client that has not for long stands still. */
    async health() {
      const { heartbeatMsMax, scanMs } = config.limits
      const stillMsMax = heartbeatMsMax / 2 + scanMs
      const { scans } = client.status().hints
      const now = system.clock.ticks()
      if (scans !== seen.scans) seen = { scans, at: now }
      if (now - seen.at > stillMsMax)
        throw new Error(`has not looked at the outbox for ${Math.round(now - seen.at)} ms`)
    },
    status: () => client.status(),
    reload: async () => client.reload(await reload()),
    handled: () => client.status().peers.reduce((sum, { acked }) => sum + acked, 0),
    async close(options) {
      await client.close(options)
      await transport.close()
    }
  }
}

async function startServer({ spool, config, reload }: DaemonContext): Promise<Role> {
  const [{ Server }, { Owner }, { openWeb }] = await Promise.all([
    import('../server/server.ts'),
    import('../server/owner.ts'),
    import('../web/open-web.ts')
  ])
  let owner: Awaited<ReturnType<typeof Owner.own>> | undefined
  const own = async () => {
    owner = await Owner.own({ spool })
    return owner
  }
  const web = await openWeb({ spool, config, depths: () => owner?.depths() ?? [] })
  const server = await Server.start({ spool, config, own, version: VERSION, doors: web.doors }).catch(async error => {
    await web.close()
    throw error
  })
  return {
    facts: () => ({ listen: server.listen }),
    health: () => Promise.resolve(),
    status: () => ({ ...server.status(), consumers: owner?.consumers(), channels: owner?.depths() }),
    reload: async () => {
      server.reload(await reload())
      owner?.inbox.repolicied()
    },
    handled: () => server.handled,
    async close(options) {
      await web.close()
      await server.close(options)
    }
  }
}

/** Its loops come round every second, or `scanMs`: see `stillMs`. */
async function startSchedule({ spool, config, reload }: DaemonContext): Promise<Role> {
  const { startScheduler } = await import('../queue/start-scheduler.ts')
  const scheduler = await startScheduler(spool, config)
  const fired = () => scheduler.status().shards.reduce((sum, shard) => sum + shard.fired, 0)
  return {
    facts: () => ({}),
    async health() {
      for (const { shard, stillMs } of scheduler.status().shards)
        if (stillMs > config.limits.heartbeatMsMax / 2)
          throw new Error(`shard ${shard} of the schedule stands still for ${stillMs} ms`)
    },
    status: () => scheduler.status(),
    // Levels and shards are for life; limits are read where they stand.
    reload: async () => void (await reload()),
    handled: fired,
    close: () => scheduler.close()
  }
}
