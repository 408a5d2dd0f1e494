import { DroprError } from '../errors.ts'
import type { TracedConfig } from '../spool/config.ts'
import { scheduleOf } from '../spool/schedule-config.ts'
import { nodeFiles } from '../system/node-files.ts'
import type { Call } from './act.ts'
import { traceCallConfig } from './call-config.ts'
import { columns } from './columns.ts'
import { type DaemonOptions, flagsOf } from './daemon-flags.ts'
import { EXIT } from './exit-codes.ts'
import { printError } from './print-error.ts'

/** One setting, for people. Tokens are never shown. */
interface Shown {
  key: string
  value: string | number | string[]
  from: string
}

const REDACTED = '[redacted]'

export async function runConfigShow(call: Call<DaemonOptions>): Promise<number> {
  const { out } = call
  const rows = settingsOf(await traceCallConfig(call, nodeFiles(), flagsOf(call.options)))
  if (out.json) for (const row of rows) await out.value(row)
  else {
    const cells = rows.map(({ key, value, from }) => [key, String(value), from])
    await out.line(columns([['SETTING', 'VALUE', 'FROM'], ...cells]))
  }
  return EXIT.done
}

/** A bad configuration ends with 2: the caller's files make no sense, and nothing was started. */
export async function runConfigCheck(call: Call<object>): Promise<number> {
  const { args, options, out } = call
  const file = args[0] ?? options.config
  try {
    const { from } = await traceCallConfig(
      { ...call, options: { ...options, ...(file === undefined ? {} : { config: file }) } },
      nodeFiles(),
      {}
    )
    const sources = [...new Set(from.values())]
    if (out.json) await out.value({ ok: true, sources })
    else await out.line(`good: ${sources.length === 0 ? 'nothing is set, all is default' : sources.join(', ')}`)
    return EXIT.done
  } catch (error) {
    if (!(error instanceof DroprError) || error.code !== 'CONFIG_BAD') throw error
    printError(error, out, { debug: options.debug === true })
    return EXIT.usage
  }
}

/** All of them, also those that have their default. */
function settingsOf({ config, from }: TracedConfig): Shown[] {
  const { node, listen, hosts, peers, accept, rights, limits, channels = [], compat } = config
  const { levels, shards, zone } = scheduleOf(config)
  const rows: Shown[] = []
  const add = (key: string, value: Shown['value'] | undefined, source = from.get(key)) => {
    rows.push({ key, value: value ?? '', from: source ?? 'default' })
  }
  add('node', node)
  add('listen', listen && `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`)
  add('hosts', hosts)
  for (const [name, peer] of peers) {
    const source = from.get(`peers.${name}`)
    add(`peers.${name}.url`, peer.url, source)
    if (peer.token !== undefined) add(`peers.${name}.token`, REDACTED, from.get(`peers.${name}.token`) ?? source)
  }
  for (const [name, digest] of accept) add(`accept.${name}`, digest)
  for (const [name, allowed] of rights ?? []) add(`accept.${name}.channels`, allowed.join(','))
  for (const [name, value] of Object.entries(limits)) add(`limits.${name}`, value)
  for (const [name, policy] of channels)
    for (const [limit, value] of Object.entries(policy)) add(`channels.${name}.${limit}`, value)
  add('schedule.levels', levels.map(({ name, lengthMs }) => `${name}=${lengthMs}`).join(','))
  add('schedule.shards', shards)
  add('schedule.zone', zone())
  add('compat.psched', String(compat?.psched === true))
  return rows
}
