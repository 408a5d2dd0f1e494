import { randomBytes } from 'node:crypto'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { systemClock } from '../src/system/clock.ts'
import { HttpTransport } from '../src/wire/http-transport.ts'
import { entries, request } from './receiver-scenario.ts'
import { tell, told } from './worker.ts'

/** Uploads of one message each, a stream for each that is on its way at once. */
export interface UploadJob {
  url: string
  channel: string
  messages: number
  bodyBytes: number
  streams: number
}

const job: UploadJob = JSON.parse(process.argv[2]!)
// A busy machine is no reason to give up.
const transport = new HttpTransport({ clock: systemClock, limits: { ...DEFAULT_LIMITS, answerMsMax: 600_000 } })
const peer = { name: 'bench-b', url: job.url }
const origin = randomBytes(16).toString('hex')
const range = entries(1, job.bodyBytes)
const signal = new AbortController().signal
tell({ ready: true })
await told()
let sent = 0
const uploader = async () => {
  const stream = randomBytes(16).toString('hex')
  for (let from = 0; sent++ < job.messages; from++)
    await transport.upload(peer, request({ origin, stream, from, range, channel: job.channel }), signal)
}
await Promise.all(Array.from({ length: job.streams }, uploader))
await transport.close()
tell({ done: true })
