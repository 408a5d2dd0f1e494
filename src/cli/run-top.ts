import { durationMs } from '../duration.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import { Screen, type ScreenOptions } from './screen.ts'
import type { TopOptions } from './top.ts'
import { rowsOf, type Sample, type TopSort, takeSample } from './top-sample.ts'
import { screenLines, topText } from './top-text.ts'
import { UsageError, usage } from './usage-error.ts'

/** More often would show nothing but ourselves. */
const INTERVAL_MS_MIN = 100
const INTERVAL_MS_MAX = 3_600_000

type Terminal = Pick<ScreenOptions, 'stdin' | 'stdout' | 'process'>

export async function runTop(call: Call<TopOptions>, system: System = nodeSystem()): Promise<number> {
  const { options, out } = call
  const intervalMs = usage(() => intervalOf(options.interval))
  if (options.once || out.json || !process.stdout.isTTY) return await printOnce(call, system, intervalMs)
  const { stdin, stdout } = process
  return await watch({ spool: call.spool, intervalMs, system, terminal: { stdin, stdout, process } })
}

function intervalOf(text: string): number {
  const ms = /^\d+ms$/.test(text) ? Number.parseInt(text, 10) : durationMs(text, '--interval')
  if (ms < INTERVAL_MS_MIN || ms > INTERVAL_MS_MAX) throw new UsageError('--interval must be from 100ms to 1h')
  return ms
}

/** Rates need two looks. */
async function printOnce({ out, spool }: Call<TopOptions>, system: System, intervalMs: number): Promise<number> {
  const before = await takeSample(system, spool)
  if (before.running) await system.clock.sleep(intervalMs)
  const sample = before.running ? await takeSample(system, spool) : before
  const rows = rowsOf(before, sample, 'rate')
  const { running, node, uptimeMs, workers, consumers } = sample
  if (out.json) await out.value({ spool, running, node, uptimeMs, intervalMs, ...rows, workers, consumers })
  else await out.line(topText({ spool, sample, rows }))
  return running ? EXIT.done : EXIT.stopped
}

export interface WatchOptions {
  spool: string
  intervalMs: number
  system: System
  terminal: Terminal
  /** Tests look at nothing else. */
  sample?: (system: System, spool: string) => Promise<Sample>
}

/** Until somebody ends it. */
export async function watch(options: WatchOptions): Promise<number> {
  const { spool, intervalMs, system, terminal, sample: take = takeSample } = options
  let sort: TopSort = 'rate'
  let [before, after]: (Sample | undefined)[] = []
  let ended = false
  let wake = new AbortController()
  const draw = () => {
    if (after === undefined) return
    const rows = rowsOf(before, after, sort)
    screen.draw(screenLines({ spool, sample: after, rows, intervalMs, sort, size: screen.size }))
  }
  const end = () => {
    ended = true
    wake.abort()
  }
  const onKey = (key: string) => {
    if (key === 'q') end()
    else if (key === ' ') wake.abort()
    else if (key === 's') {
      sort = sort === 'rate' ? 'waiting' : 'rate'
      draw()
    }
  }
  const screen = new Screen({ ...terminal, onKey, onStale: draw, onEnd: end })
  try {
    while (!ended) {
      wake = new AbortController()
      const next = await take(system, spool)
      before = after
      after = next
      draw()
      if (!ended) await system.clock.sleep(intervalMs, wake.signal)
    }
    return EXIT.done
  } finally {
    screen.close()
  }
}
