import { systemCode } from '../errors.ts'
import type { System } from '../system/system.ts'

const NAME = /^worker-[0-9a-f]{12}\.sock$/
const ANSWER_MS_MAX = 1_000

/** What one `dropr work` is at; docs/cli.md. Times are wall ms. */
export interface WorkerStatus {
  pid: number
  channel: string
  /** The command and its arguments, short. */
  command: string
  concurrency: number
  startedAt: number
  /** Messages that got a verdict. */
  finished: number
  running: { id: string; pid: number | undefined; since: number }[]
}

type Asking = Pick<System, 'files' | 'sockets' | 'clock' | 'log'>

/**
 * Hangs out a sign for `dropr top`: a socket of this process in `run/`, which tells whoever connects. It ends with the process,
 * whatever ends that; the names that dead ones leave behind are removed by the next.
 *
 * @returns How to take it in. Without a sign the work is done all the same: failing is logged only.
 */
export async function openBoard(
  system: Asking & Pick<System, 'random'>,
  run: string,
  status: () => WorkerStatus
): Promise<() => Promise<void>> {
  try {
    await removeDead(system, run)
    const path = `${run}/worker-${system.random.bytes(6).toString('hex')}.sock`
    const listener = await system.sockets.listen(path, line => {
      line.onEnd = () => undefined
      line.send(JSON.stringify(status()))
    })
    return () => listener.close()
  } catch (error) {
    system.log.warn({ code: systemCode(error), run }, 'this worker is not to be seen in dropr top')
    return () => Promise.resolve()
  }
}

/** All that work on this spool now. Who does not answer in a second (stopped, very busy) is left out. */
export async function readBoard(system: Asking, run: string): Promise<WorkerStatus[]> {
  const found = await Promise.all((await signs(system, run)).map(path => askWorker(system, path)))
  return found.filter(status => status !== undefined).sort((a, b) => a.startedAt - b.startedAt || a.pid - b.pid)
}

async function askWorker({ sockets, clock }: Asking, path: string): Promise<WorkerStatus | undefined> {
  const line = await sockets.connect(path).catch(() => undefined)
  if (line === undefined) return undefined
  const over = new AbortController()
  try {
    const text = await new Promise<string | undefined>(resolve => {
      line.onEnd = () => resolve(undefined)
      line.onMessage = resolve
      void clock.sleep(ANSWER_MS_MAX, over.signal).then(() => resolve(undefined))
    })
    return text === undefined ? undefined : (JSON.parse(text) as WorkerStatus)
  } finally {
    over.abort()
    line.end()
  }
}

async function removeDead(system: Asking, run: string): Promise<void> {
  for (const path of await signs(system, run)) {
    const line = await system.sockets.connect(path).catch((error: unknown) => systemCode(error))
    if (typeof line === 'object') line.end()
    else if (line === 'ECONNREFUSED') await system.files.remove(path)
  }
}

async function signs({ files }: Asking, run: string): Promise<string[]> {
  const entries = await files.list(run).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  return entries.flatMap(({ name, kind }) => (kind === 'socket' && NAME.test(name) ? [`${run}/${name}`] : []))
}
