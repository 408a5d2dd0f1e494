import { DroprError } from '../../src/errors.ts'
import { limitsFrom } from '../../src/limits.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimClock } from '../../src/system/sim/index.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { UploadFailure } from '../../src/wire/upload-failure.ts'
import { entriesOf, MemoryStore } from './memory-store.ts'

export const limits = limitsFrom({ messageBytesMax: 1_024, headerBytesMax: 0, parkedBytesMax: 10_000 })

export function desk(changes: Record<string, number> = {}) {
  const clock = new SimClock()
  const store = new MemoryStore()
  const receiver = new Receiver({ clock, log: silentLog, limits: { ...limits, ...changes }, store })
  const send = (request: UploadRequest) => receiver.receive(request, request.node)
  return { clock, store, receiver, send }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'taken',
    (error: unknown) =>
      error instanceof DroprError || error instanceof UploadFailure ? error.code : `bug: ${String(error)}`
  )
}

export const THREE = entriesOf('one', 'two', 'three')
