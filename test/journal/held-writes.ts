import type { JournalWriter } from '../../src/journal/journal-writer.ts'
import type { AppendFile } from '../../src/system/files.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimClock, SimFiles, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { desk } from './desk.ts'

/** A write that has been asked for, and goes on when it is told to. */
export interface Held {
  path: string
  /** Which of the descriptors it goes through. */
  through: AppendFile
  write: () => Promise<void>
  fail: (code: string) => Promise<void>
}

/** A journal of marks, three of them 0, whose synced writes are held from here on. */
export async function held({ overlap = true } = {}) {
  const clock = new SimClock()
  const disk = new SimFiles({ random: new SimRandom(1).fork('disk') })
  await disk.makeFolder('/s')
  await disk.syncFolder('/')
  const writes: Held[] = []
  const closed: string[] = []
  let holds = false
  const create = disk.create.bind(disk)
  const reopen = disk.reopen.bind(disk)
  disk.create = async path => hold(path, await create(path))
  disk.reopen = async path => hold(path, await reopen(path))
  const hold = (path: string, file: AppendFile): AppendFile => ({
    write: (chunks, position) => file.write(chunks, position),
    sync: () => file.sync(),
    preallocate: (from, to) => file.preallocate(from, to),
    close: () => {
      closed.push(path)
      return file.close()
    },
    writeSynced: (chunks, position) =>
      holds
        ? new Promise((resolve, reject) => {
            const write = () => file.writeSynced(chunks, position).then(resolve, reject)
            const fail = (code: string) => Promise.resolve(reject(Object.assign(new Error(code), { code })))
            writes.push({ path, through: file, write, fail })
          })
        : file.writeSynced(chunks, position)
  })
  const system = { clock, random: new SimRandom(2), files: disk, log: silentLog } as unknown as System
  const told: string[] = []
  const { journal } = await desk({
    system,
    overlap,
    onCommit: ({ n, end }) => told.push(`good ${n}:${end > 0}`),
    onFail: () => told.push('failed')
  })
  await turns(clock, journal.appendMark({ m: 0 }))
  holds = true
  // The first time that one could go beside another, the file is opened once more.
  const before = [journal.appendMark({ m: 0 })]
  await turns(clock)
  before.push(journal.appendMark({ m: 0 }))
  await turns(clock)
  for (const write of [0, 1]) {
    await writes[write]!.write()
    await turns(clock)
  }
  await Promise.all(before)
  writes.length = 0
  told.length = 0
  const mark = (m: number) => note(journal.appendMark({ m }), `${m}`, told)
  return {
    clock,
    disk,
    journal,
    writes,
    closed,
    told,
    mark,
    note: (done: Promise<unknown>, name: string) => note(done, name, told)
  }
}

export function note(done: Promise<unknown>, name: string, told: string[]): Promise<void> {
  return done.then(
    () => void told.push(`${name} ok`),
    (error: { code: string }) => void told.push(`${name} ${error.code}`)
  )
}

/** Lets everything happen that needs no time. */
export async function turns<T>(clock: SimClock, done?: Promise<T>): Promise<void> {
  for (let i = 0; i < 20; i++) await clock.until(clock.sleep(0))
  await done
}

/** Closes, and lets the seal go through. */
export async function closing(journal: JournalWriter, writes: Held[]): Promise<void> {
  const before = writes.length
  const done = journal.close()
  for (let i = 0; i < 100 && writes.length === before; i++) await Promise.resolve()
  await writes[before]?.write()
  await done
}
