import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { StreamPositions } from './positions.ts'

/*
 * What became of dead letters: marks in segments of their own, `m<epoch>-<n>.seg`, beside those that hold the letters. Written by
 * the inbox's owner only. A letter is named by the stream and position it died at; it never comes back there.
 *
 *   {"moving":{"s":"<stream>","f":0,"l":[["<stream>",[[3,4],[9,12]]]]}}   these letters, in this order, go to the inbox, as the
 *                                                                     positions from 0 on of a new stream
 *   {"moved":{"s":"<stream>","t":4}}                                  they are there, below position 4
 *   {"gone":{"how":"moved","t":1767225632362,"l":[…]}}                moved to the outbox, or (`dropped`) thrown away
 */

export type LetterRun = [from: number, to: number]
export type LetterRows = [stream: string, runs: LetterRun[]][]
export type Gone = 'moved' | 'dropped'
export type LetterState = 'dead' | Gone

export interface MovingMark {
  moving: { s: string; f: number; l: LetterRows }
}
export interface MovedMark {
  moved: { s: string; t: number }
}
export interface GoneMark {
  gone: { how: Gone; t: number; l: LetterRows }
}

/** Letters that were on their way into the inbox when that was written. */
export interface Moving {
  stream: string
  from: number
  rows: LetterRows
}

const MARKS = /\/m[0-9]{1,15}-[0-9]+\.seg$/

/** Whether a segment of the dead letters holds marks of its owner, and no letters. */
export function holdsMarks(path: string): boolean {
  return MARKS.test(path)
}

export function marksWriter(epoch: number): string {
  return `m${epoch}`
}

/** Letters in their order, as few rows as that takes. */
export function letterRows(letters: readonly { stream: string; position: number }[]): LetterRows {
  const rows: LetterRows = []
  for (const { stream, position } of letters) {
    const row = rows.at(-1)
    const run = row?.[1].at(-1)
    if (row?.[0] !== stream) rows.push([stream, [[position, position + 1]]])
    else if (run![1] === position) run![1]++
    else row[1].push([position, position + 1])
  }
  return rows
}

/** What became of the letters of one channel: the fold over its marks. Those of which nothing is said are dead. */
export class DeadFates {
  readonly #gone = { moved: new StreamPositions(), dropped: new StreamPositions() }
  readonly #moving: Moving[] = []
  readonly #movedTo = new Map<string, number>()

  fold(frame: Frame): void {
    const { payload } = frame
    for (let at = 0; at < payload.length; at += entryBytes(payload, at))
      if (payload[at + 8] === MARK) this.#mark(decodeNote(payload, at))
  }

  /** These are gone. */
  note(how: Gone, rows: LetterRows): void {
    for (const [stream, runs] of rows)
      for (const [from, to] of runs) for (let at = from; at < to; at++) this.#gone[how].add(stream, at)
  }

  of(stream: string, position: number): LetterState {
    if (this.#gone.moved.has(stream, position)) return 'moved'
    return this.#gone.dropped.has(stream, position) ? 'dropped' : 'dead'
  }

  /** All marks were read. Gives those letters of which it is not written that they arrived. */
  end(): Moving[] {
    const open: Moving[] = []
    for (const { stream, from, rows } of this.#moving.splice(0)) {
      const there = Math.max(0, (this.#movedTo.get(stream) ?? 0) - from)
      const [arrived, rest] = splitRows(rows, there)
      this.note('moved', arrived)
      if (rest.length > 0) open.push({ stream, from: from + there, rows: rest })
    }
    return open
  }

  #mark(mark: unknown): void {
    if (typeof mark !== 'object' || mark === null) return
    const { moving, moved, gone } = mark as Partial<MovingMark & MovedMark & GoneMark>
    if (moving !== undefined && isPlace(moving.s, moving.f) && areRows(moving.l))
      this.#moving.push({ stream: moving.s, from: moving.f, rows: moving.l })
    if (moved !== undefined && isPlace(moved.s, moved.t))
      this.#movedTo.set(moved.s, Math.max(moved.t, this.#movedTo.get(moved.s) ?? 0))
    if (gone !== undefined && (gone.how === 'moved' || gone.how === 'dropped') && areRows(gone.l))
      this.note(gone.how, gone.l)
  }
}

/** The first `count` letters of rows, and the rest. */
export function splitRows(rows: LetterRows, count: number): [first: LetterRows, rest: LetterRows] {
  const first: LetterRows = []
  const rest: LetterRows = []
  let left = count
  for (const [stream, runs] of rows)
    for (const [from, to] of runs) {
      const cut = Math.min(to, from + left)
      if (cut > from) first.push([stream, [[from, cut]]])
      if (cut < to) rest.push([stream, [[cut, to]]])
      left -= cut - from
    }
  return [first, rest]
}

function isPlace(stream: unknown, position: unknown): boolean {
  return typeof stream === 'string' && Number.isSafeInteger(position)
}

function areRows(rows: unknown): rows is LetterRows {
  return (
    Array.isArray(rows) &&
    rows.every(
      row =>
        Array.isArray(row) &&
        typeof row[0] === 'string' &&
        Array.isArray(row[1]) &&
        row[1].every(run => Array.isArray(run) && run.every(Number.isSafeInteger))
    )
  )
}
