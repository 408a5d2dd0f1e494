import type { Clock } from './clock.ts'
import type { Files } from './files.ts'
import type { Log } from './log.ts'
import type { Random } from './random.ts'
import type { Sockets } from './sockets.ts'
import type { Watch } from './watch.ts'

/** The world, as an argument: everything dropr asks of the machine. `nodeSystem()` is the real one, `SimWorld` the simulated. */
export interface System {
  clock: Clock
  files: Files
  watch: Watch
  sockets: Sockets
  random: Random
  log: Log
}
