import type { Shown } from '../scheduler/index.ts'
import { pausedPeers } from '../spool/paused-peers.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'
import { columns, printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { explainRow, explainScheduled } from './explain-row.ts'
import { openRooms, spoolThere } from './ls-rooms.ts'
import type { FoundRow } from './ls-rows.ts'
import { storedBody, storedJson } from './message-json.ts'
import { printHeld, withSchedule } from './run-schedule.ts'
import { readStatus } from './run-status.ts'

export async function runShow(call: Call<object>): Promise<number> {
  const { out } = call
  const rows = await findRows(call)
  for (const { stored, ...row } of rows) {
    if (out.json) await out.value({ ...row, headers: stored!.headers, ...storedJson(stored!) })
    else
      await out.write(
        Buffer.concat([Buffer.from(`${rowText(row, stored!.headers)}\n\n`), storedBody(stored!), NEWLINE])
      )
  }
  if (rows.length > 0) return EXIT.done
  return (await printHeld(out, await heldOf(call))) ? EXIT.done : notFound(call)
}

export async function runExplain(call: Call<object>): Promise<number> {
  const { out, spool } = call
  const system = nodeSystem()
  const rows = await findRows(call)
  if (rows.length === 0) return await explainHeld(call, system.clock.now())
  const [{ node }, config] = await Promise.all([spoolThere(system, spool), loadCallConfig(call, system.files)])
  const { running, peers } = await readStatus(system, spool)
  const said = {
    node,
    peers: config.peers,
    paused: await pausedPeers(system.files, spool),
    running,
    says: Array.isArray(peers) ? peers : [],
    now: system.clock.now()
  }
  for (const { stored: _, ...row } of rows) {
    const { text, nextTryAt } = explainRow(row, said)
    const next = nextTryAt === undefined ? {} : { nextTryAt }
    await (out.json ? out.value({ ...row, ...next, explanation: text }) : out.line(printable(text)))
  }
  return EXIT.done
}

const NEWLINE = Buffer.from('\n')

/** What is for later is in no room yet: it is on the disk of this node, in the schedule. */
async function explainHeld(call: Call<object>, now: number): Promise<number> {
  const { out } = call
  const { state, messages } = await heldOf(call)
  for (const { body: _, ...message } of messages) {
    const text = explainScheduled(message, now)
    if (out.json) await out.value({ ...message, state, nextTryAt: message.dueAt, explanation: text })
    else await out.line(printable(text))
  }
  return messages.length > 0 ? EXIT.done : notFound(call)
}

function heldOf(call: Call<object>): Promise<Shown> {
  return withSchedule(call, ({ schedule }) => schedule.show(call.args[0]!))
}

async function findRows({ args, spool }: Call<object>): Promise<FoundRow[]> {
  const rows: FoundRow[] = []
  for (const room of await openRooms(nodeSystem(), spool))
    for await (const batch of room.batches(args[0]!)) rows.push(...batch)
  return rows
}

function notFound({ args, out }: Call<object>): number {
  if (!out.json) {
    out.note(
      `dropr: ${printable(args[0]!)} is not in the outbox, the inbox, the dead letters or the schedule of this spool`
    )
    out.note('  It was never here, or was finished and removed (retentionMs).')
  }
  return EXIT.nothing
}

function rowText(row: Omit<FoundRow, 'stored'>, headers: object): string {
  const facts = Object.entries(row).map(([name, value]) => [
    name,
    name.endsWith('At') || name === 'leaseUntil' ? new Date(Number(value)).toISOString() : String(value)
  ])
  return columns([...facts, ...Object.entries(headers).map(([name, value]) => ['header', `${name}=${value}`])])
}
