import { chokidarWatch } from './chokidar-watch.ts'
import { systemClock } from './clock.ts'
import { type Log, silentLog } from './log.ts'
import { nodeFiles } from './node-files.ts'
import { nodeSockets } from './node-sockets.ts'
import { systemRandom } from './random.ts'
import { rateLimited } from './rate-limited-log.ts'
import type { System } from './system.ts'

/** The real world. Says nothing unless given a log; what it is given is limited to one line a second per cause. */
export function nodeSystem(options: { log?: Log } = {}): System {
  const log = options.log ? rateLimited(options.log, systemClock) : silentLog
  return {
    clock: systemClock,
    files: nodeFiles(),
    watch: chokidarWatch(log),
    sockets: nodeSockets(),
    random: systemRandom,
    log
  }
}
