import { decodeMessage } from '../journal/entry.ts'
import { type FoundLetter, readDead } from '../spool/room-dead.ts'
import { Spool } from '../spool/spool.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'
import { columns, printable } from './columns.ts'
import type { DeadOptions } from './dead.ts'
import { EXIT } from './exit-codes.ts'
import { spoolThere } from './ls-rooms.ts'
import { bodyJson } from './message-json.ts'

/** One dead letter; docs/cli.md. */
interface Letter {
  id: string
  channel: string
  priority: number
  from: string
  stream: string
  position: number
  sentAt: number
  /** Absent when a crash came between the message and its note. */
  deadAt?: number
  reason?: string
  code?: string
  by?: string
  attempts: readonly { at: number; reason: string }[]
  bytes: number
}

export async function runDeadLs(call: Call<DeadOptions>): Promise<number> {
  const letters = (await readLetters(call)).map(([channel, found]) => letterOf(channel, found))
  const { out } = call
  if (out.json) for (const letter of letters) await out.value(letter)
  else if (letters.length > 0) await out.line(table(letters))
  return letters.length > 0 ? EXIT.done : EXIT.nothing
}

export async function runDeadShow(call: Call<DeadOptions>): Promise<number> {
  const { args, out } = call
  const id = args[0]!
  const found = (await readLetters(call)).filter(([, letter]) => decodeMessage(letter.entry, 0).id === id)
  for (const [channel, letter] of found) {
    const { headers, body } = decodeMessage(letter.entry, 0)
    const said = letterOf(channel, letter)
    if (out.json) await out.value({ ...said, headers, ...bodyJson(body) })
    else await out.write(Buffer.concat([Buffer.from(`${letterText(said, headers)}\n\n`), body, Buffer.from('\n')]))
  }
  if (found.length === 0 && !out.json) out.note(`dropr: no dead letter has the id ${printable(id)}`)
  return found.length > 0 ? EXIT.done : EXIT.nothing
}

async function readLetters(call: Call<DeadOptions>): Promise<[channel: string, FoundLetter][]> {
  const system = nodeSystem()
  // Looking must not make a spool where there is none.
  await spoolThere(system, call.spool)
  const { limits } = await loadCallConfig(call, system.files)
  const spool = await Spool.open({ system, path: call.spool, limits })
  const letters: [string, FoundLetter][] = []
  for (const channel of await spool.deadChannels()) {
    if (call.options.channel?.includes(channel) === false) continue
    for (const letter of await readDead(spool, channel)) letters.push([channel, letter])
  }
  return letters
}

function letterOf(channel: string, { source, entry, note }: FoundLetter): Letter {
  const { id, sentAt, body } = decodeMessage(entry, 0)
  const { priority, node: from, stream, from: position } = source
  const why = note && { deadAt: note.at, reason: note.reason, code: note.code, by: note.by }
  const attempts = note?.attempts ?? []
  return { id, channel, priority, from, stream, position, sentAt, ...why, attempts, bytes: body.length }
}

function table(letters: readonly Letter[]): string {
  const rows = letters.map(({ channel, from, code = '-', reason = '-', attempts, deadAt, id }) => {
    return [channel, from, code, timeText(deadAt), String(attempts.length), id, reason]
  })
  return columns([['CHANNEL', 'FROM', 'CODE', 'DEAD', 'ATTEMPTS', 'ID', 'REASON'], ...rows])
}

function letterText(letter: Letter, headers: object): string {
  const rows = [
    ['id', letter.id],
    ['channel', letter.channel],
    ['priority', String(letter.priority)],
    ['from', letter.from],
    ['sent', timeText(letter.sentAt)],
    ['dead', timeText(letter.deadAt)],
    ['by', letter.by ?? '-'],
    ['code', letter.code ?? '-'],
    ['reason', letter.reason ?? 'not known: a crash came before it was noted'],
    ...letter.attempts.map(({ at, reason }, i) => [`attempt ${i + 1}`, `${timeText(at)}  ${reason}`]),
    ...Object.entries(headers).map(([name, value]) => ['header', `${name}=${value}`])
  ]
  return columns(rows)
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? '-' : new Date(ms).toISOString()
}
