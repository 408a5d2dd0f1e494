import { join } from 'node:path'
import type { FSWatcher } from 'chokidar'
import type { Log } from './log.ts'
import type { Watch, WatchOptions } from './watch.ts'

/** A folder in which so much happens within a second is not watched for as long: one hint then tells of all of it. */
const BUSY = { hints: 50, ms: 1_000 }

/**
 * File events by chokidar: the hint that needs nobody's help. The only door to that package.
 *
 * A watch costs one kernel watch a folder below it: give a `depth` where the spool is big. When the system's watches run out,
 * it goes silent and the timed scan carries on alone.
 */
export function chokidarWatch(log: Log): Watch {
  return {
    folder(folder, hint, options) {
      const watching = watchFolder(folder, hint, options, log).catch((error: unknown) => {
        log.warn({ code: 'WATCH_FAILED', folder, error: String(error) }, 'no file events: the timed scan goes on')
        return undefined
      })
      return { close: async () => (await watching)?.close() }
    }
  }
}

/** Who only sends watches nothing: the package is loaded with the first watch. */
async function watchFolder(
  folder: string,
  hint: (path: string) => void,
  options: WatchOptions | undefined,
  log: Log
): Promise<FSWatcher> {
  const { watch } = await import('chokidar')
  let warned = false
  const watcher = watch(folder, {
    ignoreInitial: true,
    persistent: false,
    followSymlinks: false,
    ignorePermissionErrors: true,
    // We append, and a late hint is worth less than an early one: no waiting for a write to end.
    atomic: false,
    awaitWriteFinish: false,
    // That a file has changed its folder says as well: no kernel watch a file, and no look at it with each event.
    ignored: (_path, stats) => stats?.isFile() === true,
    ...(options?.depth === undefined ? {} : { depth: options.depth })
  })
  const busy = new BusyFolders(watcher, hint)
  watcher.on('all', (_event, path) => hint(path))
  watcher.on('raw', (_event, name, about) => {
    const { watchedPath } = about as { watchedPath: string }
    hint(join(watchedPath, name ?? ''))
    busy.count(watchedPath)
  })
  watcher.on('error', error => {
    if (warned) return
    warned = true
    log.warn(
      { code: 'WATCH_FAILED', folder, error: String(error) },
      'file events may be missing: the timed scan goes on'
    )
  })
  return watcher
}

/**
 * chokidar lists a folder anew with each event in it. Where many commits a second are made, that is more work than what
 * follows from them.
 */
class BusyFolders {
  readonly #watcher: FSWatcher
  readonly #hint: (path: string) => void
  readonly #counts = new Map<string, number>()

  constructor(watcher: FSWatcher, hint: (path: string) => void) {
    this.#watcher = watcher
    this.#hint = hint
  }

  /** Something happened in a folder. */
  count(folder: string): void {
    const count = (this.#counts.get(folder) ?? 0) + 1
    this.#counts.set(folder, count)
    if (count === 1) setTimeout(() => this.#over(folder), BUSY.ms).unref()
    if (count === BUSY.hints) this.#watcher.unwatch(folder)
  }

  #over(folder: string): void {
    const busy = (this.#counts.get(folder) ?? 0) >= BUSY.hints
    this.#counts.delete(folder)
    if (!busy || this.#watcher.closed) return
    this.#watcher.add(folder)
    this.#hint(folder)
  }
}
