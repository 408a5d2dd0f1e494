import type { Queue } from '../queue/queue.ts'
import type { Listed, Shown, Steered, Unanswered } from '../scheduler/index.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { sourceOf, wholeOf } from './body-input.ts'
import { columns, printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { spoolThere } from './ls-rooms.ts'
import { bodyJson } from './message-json.ts'
import { openCallQueue } from './open-queue.ts'
import type { Output } from './output.ts'
import type { ScheduleEditOptions, ScheduleLsOptions, ScheduleMoveOptions } from './schedule.ts'
import { UsageError } from './usage-error.ts'

export function runScheduleLs(call: Call<ScheduleLsOptions>): Promise<number> {
  const { options, out } = call
  const { from, to, channel, limit } = options
  return withSchedule(call, async ({ schedule }) => {
    const where = {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(channel === undefined ? {} : { channel })
    }
    const found: Listed[] = []
    let { after } = options
    do {
      const rest = limit - found.length
      const page = await schedule.list({ ...where, limit: rest, ...(after === undefined ? {} : { after }) })
      found.push(...page.messages)
      after = page.next
    } while (after !== undefined && found.length < limit)
    if (out.json) {
      for (const message of found) await out.value(message)
      if (after !== undefined) await out.value({ next: after })
    } else {
      if (found.length > 0) await out.line(table(found))
      if (after !== undefined) out.note(`there are more: --after '${after}'`)
    }
    return found.length > 0 ? EXIT.done : EXIT.nothing
  })
}

export function runScheduleShow(call: Call<object>): Promise<number> {
  const id = call.args[0]!
  const { out } = call
  return withSchedule(call, async ({ schedule }) => {
    const shown = await schedule.show(id)
    noteUnanswered(out, shown)
    if (await printHeld(out, shown)) return EXIT.done
    const { state, unanswered } = shown
    if (out.json) await out.value({ id, state, unanswered })
    else out.note(`dropr: ${wordOf({ id, done: false, state })}`)
    return EXIT.nothing
  })
}

/** What is held of a message, with its body. False when nothing is. */
export async function printHeld(out: Output, { state, messages }: Shown): Promise<boolean> {
  for (const { body, ...message } of messages) {
    const { bodyBytes } = message
    if (out.json) await out.value({ ...message, state, ...(bodyBytes === undefined && bodyJson(body)) })
    else {
      const text = bodyBytes === undefined ? body : Buffer.from(`a large body of ${bodyBytes} bytes`)
      await out.write(Buffer.concat([Buffer.from(`${detail(message)}\n\n`), text, Buffer.from('\n')]))
    }
  }
  return messages.length > 0
}

export function runScheduleCancel(call: Call<object>): Promise<number> {
  return steer(call, ({ schedule }, id) => schedule.cancel(id))
}

export function runScheduleNow(call: Call<object>): Promise<number> {
  return steer(call, ({ schedule }, id) => schedule.sendNow(id))
}

export function runScheduleMove(call: Call<ScheduleMoveOptions>): Promise<number> {
  const rejectPast = call.options.rejectPast === true
  return steer(call, ({ schedule }, id) => schedule.reschedule(id, call.args[1]!, { rejectPast }))
}

/** The new body is of the kind that the old one was, as far as its bytes allow that. */
export function runScheduleEdit(call: Call<ScheduleEditOptions>): Promise<number> {
  return steer(call, async ({ schedule }, id) => {
    const source = await sourceOf(call.shell, call.args[1], call.options.file)
    const [body, more] = 'text' in source ? [source.text] : await wholeOf(source)
    const was = (await schedule.show(id)).messages[0]?.kind
    if (was !== 'json') return await schedule.edit(id, body, more)
    return await schedule.edit(id, typeof body === 'string' ? Buffer.from(body) : body, { kind: was })
  })
}

export function runForecast(call: Call<object>): Promise<number> {
  const { out } = call
  return withSchedule(call, async ({ schedule }) => {
    const rows = await schedule.forecast()
    if (out.json) for (const row of rows) await out.value(row)
    else if (rows.length > 0) {
      const cells = rows.map(row => [
        row.level,
        row.bucket,
        String(row.messages),
        String(row.segments),
        utc(row.from),
        utc(row.to)
      ])
      await out.line(columns([['LEVEL', 'BUCKET', 'MESSAGES', 'SEGMENTS', 'FIRST', 'LAST'], ...cells]))
    }
    return EXIT.done
  })
}

export function runTick(call: Call<object>): Promise<number> {
  const { out } = call
  return withSchedule(call, async ({ schedule }) => {
    const fired = await schedule.tick()
    if (out.json) for (const one of fired) await out.value(one)
    else if (fired.length > 0) {
      const rows = fired.map(({ id, to, channel, dueAt, firedAt, error, code }) => {
        return [error === undefined ? utc(firedAt) : `${code}: ${error}`, utc(dueAt), to, channel, id]
      })
      await out.line(columns([['HANDED OVER', 'DUE', 'TO', 'CHANNEL', 'ID'], ...rows]))
    }
    return fired.some(({ error }) => error !== undefined) ? EXIT.nothing : EXIT.done
  })
}

function steer(call: Call<object>, wish: (queue: Queue, id: string) => Promise<Steered>): Promise<number> {
  const { out } = call
  return withSchedule(call, async queue => {
    const steered = await wish(queue, call.args[0]!)
    if (out.json) await out.value(steered)
    else if (steered.done) await out.line(wordOf(steered))
    else out.note(`dropr: ${wordOf(steered)}`)
    noteUnanswered(out, steered)
    return steered.done ? EXIT.done : EXIT.nothing
  })
}

function noteUnanswered(out: Output, { unanswered = [] }: { unanswered?: Unanswered[] }): void {
  for (const { shard, code, error } of unanswered)
    out.note(`dropr: shard ${shard} may hold one of this id, too: ${code}: ${error}`)
}

/** Looking must not make a spool where there is none. */
export async function withSchedule<T>(call: Call<object>, work: (queue: Queue) => Promise<T>): Promise<T> {
  await spoolThere(nodeSystem(), call.spool)
  const queue = await openCallQueue(call)
  try {
    return await work(queue)
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error
  } finally {
    await queue.close()
  }
}

function wordOf({ id, done, state, dueAt }: Steered): string {
  const name = printable(id)
  if (state === 'unknown') return `nothing of the id ${name} is held here`
  const due = dueAt === undefined ? '' : `, due ${utc(dueAt)}`
  if (state === 'fired') return done ? `${name} was handed over` : `${name} was handed over before`
  return `${name} is ${state}${state === 'scheduled' ? due : ''}`
}

function table(messages: readonly Listed[]): string {
  const rows = messages.map(({ id, to, channel, priority, dueAt, bytes }) => {
    return [utc(dueAt), to, channel, String(priority), String(bytes), id]
  })
  return columns([['DUE', 'TO', 'CHANNEL', 'PRIORITY', 'BYTES', 'ID'], ...rows])
}

function detail({ id, to, channel, priority, dueAt, sentAt, bytes }: Listed): string {
  return columns([
    ['id', id],
    ['to', to],
    ['channel', channel],
    ['priority', String(priority)],
    ['due', utc(dueAt)],
    ['scheduled', utc(sentAt)],
    ['bytes', String(bytes)]
  ])
}

function utc(ms: number): string {
  return new Date(ms).toISOString()
}
