import type { Clock } from '../system/clock.ts'
import { humanMs } from './columns.ts'
import type { Output } from './output.ts'

/** A bar is drawn so often at most: drawing must cost nothing beside the work. */
const DRAW_MS = 100
/** What is over sooner needs no bar. */
const FIRST_MS = 500
const BAR_COLUMNS = 24

export interface ProgressOptions {
  /** What is being done: `redrive`, `purge`. */
  label: string
  /** How many there are, when that is known. */
  total?: number | undefined
  clock: Pick<Clock, 'ticks'>
}

/** Tells a person at a terminal how far long work is. */
export interface Progress {
  /** So many more are done. */
  advance(count?: number): void
  /** Takes the bar away. Call it however the work ends. */
  end(): void
}

const SILENT: Progress = { advance: () => undefined, end: () => undefined }

/**
 * A bar on stderr while long work runs: only at a terminal, never with `--json`, and not before half a second has passed.
 *
 * What is printed meanwhile takes the place of the bar, which comes back below it.
 */
export function startProgress(out: Output, options: ProgressOptions): Progress {
  const { clock, total, label } = options
  if (!out.drawable) return SILENT
  const began = clock.ticks()
  let done = 0
  let drawnAt = began + FIRST_MS - DRAW_MS
  return {
    advance(count = 1) {
      done += count
      const now = clock.ticks()
      if (now - drawnAt < DRAW_MS) return
      drawnAt = now
      out.draw(progressText({ label, done, total, ms: now - began, columns: out.columns }))
    },
    end: () => out.draw('')
  }
}

export interface ProgressState {
  label: string
  done: number
  total?: number | undefined
  /** Since it began. */
  ms: number
  columns: number
}

/** One line, never longer than the terminal is wide: `purge [######      ] 50 %  500/1000  250/s  2 s left`. */
export function progressText({ label, done, total, ms, columns }: ProgressState): string {
  const perSecond = ms === 0 ? 0 : (done / ms) * 1_000
  const rate = `${Math.round(perSecond)}/s`
  // What came in the meantime may make it more than there were.
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total)
  if (share === undefined) return `${label} ${done}  ${rate}`.slice(0, columns - 1)
  const full = Math.floor(share * BAR_COLUMNS)
  const bar = `[${'#'.repeat(full)}${' '.repeat(BAR_COLUMNS - full)}]`
  const left = perSecond === 0 ? '' : `  ${humanMs(Math.max(0, total! - done) / (perSecond / 1_000))} left`
  const text = `${label} ${bar} ${Math.floor(share * 100)} %  ${done}/${total}  ${rate}${left}`
  return text.slice(0, columns - 1)
}
