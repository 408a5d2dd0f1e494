import fs from 'node:fs'
import path from 'node:path'
import { encodeMessage, messageBytesMost } from '../src/journal/entry.ts'
import { FRAME_HEADER_BYTES } from '../src/journal/frame.ts'
import { Ids } from '../src/journal/ids.ts'
import { systemClock } from '../src/system/clock.ts'
import { systemRandom } from '../src/system/random.ts'

/** The bytes that one commit of `messages` bodies makes on disk. */
export function commitBytes(messages: number, bodyBytes: number): number {
  const draft = { sentAt: 0, kind: 'text', body: 'x'.repeat(bodyBytes) } as const
  const ids = new Ids(systemClock, systemRandom)
  ids.next()
  const entryBytes = encodeMessage(draft, ids, Buffer.alloc(messageBytesMost(draft)), 0)
  return FRAME_HEADER_BYTES + messages * entryBytes
}

/**
 * The floor: a bare loop of fs.write and fs.fdatasync through callbacks into a growing file, one buffer a commit.
 * Resolves with messages a second. Nothing that runs in Node.js and waits for these two calls can be faster.
 */
export function bareLoop(
  folder: string,
  job: { messages: number; inFlight: number; bodyBytes: number }
): Promise<number> {
  const file = path.join(folder, `floor-${process.pid}`)
  const fd = fs.openSync(file, 'wx', 0o600)
  const buffer = Buffer.alloc(commitBytes(job.inFlight, job.bodyBytes), 'x')
  const commits = Math.ceil(job.messages / job.inFlight)
  return new Promise<number>((resolve, reject) => {
    const startedAt = performance.now()
    let done = 0
    const end = () => {
      const seconds = (performance.now() - startedAt) / 1000
      fs.closeSync(fd)
      fs.unlinkSync(file)
      resolve((commits * job.inFlight) / seconds)
    }
    const next = () => {
      if (done === commits) return end()
      fs.write(fd, buffer, 0, buffer.length, done * buffer.length, failed => {
        if (failed) return reject(failed)
        fs.fdatasync(fd, broken => {
          if (broken) return reject(broken)
          done++
          next()
        })
      })
    }
    next()
  })
}
