import type { FSWatcher } from 'chokidar'
import type { Log } from './log.ts'
import type { Watch, WatchOptions } from './watch.ts'

/**
 * File events by chokidar: the hint that needs nobody's help. The only door to that package.
 *
 * A watch costs one kernel watch a folder below it, and a look at every file as it starts: give a `depth` where the spool
 * is big. When the system's watches run out, it goes silent and the timed scan carries on alone.
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
    ...(options?.depth === undefined ? {} : { depth: options.depth })
  })
  watcher.on('all', (_event, path) => hint(path))
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
