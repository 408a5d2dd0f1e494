import { Readable } from 'node:stream'
import { encodeBlob } from '../../src/journal/blob-entry.ts'
import { decodeMessage, entryBytes, MESSAGE } from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { segmentParts } from '../../src/journal/segment-parts.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import type { Stored } from '../../src/message.ts'
import { decodeChannel } from '../../src/names.ts'
import { type DueDraft, ScheduleIntake } from '../../src/scheduler/index.ts'
import { readBlob } from '../../src/spool/blob-file.ts'
import { blobBesideSegment } from '../../src/spool/blob-names.ts'
import { SentBlobs } from '../../src/spool/sent-blobs.ts'
import { foldersIn, Spool } from '../../src/spool/spool.ts'
import { WriterLife } from '../../src/spool/writer-life.ts'
import type { Files } from '../../src/system/files.ts'
import type { System } from '../../src/system/system.ts'

export const PATH = '/s'

export function openSpool(system: System, limits: Partial<Limits> = {}, path = PATH): Promise<Spool> {
  return Spool.open({ system, path, node: 'berlin', limits: { ...DEFAULT_LIMITS, ...limits } })
}

/** A process that schedules. */
export async function openSender(spool: Spool, shards = 1) {
  const life = await WriterLife.begin(spool)
  const ids = new Ids(spool.system.clock, spool.system.random)
  const intake = new ScheduleIntake({ spool, writer: life.writer, ids, shards })
  const blobs = new SentBlobs({ spool, writer: life.writer })
  /** Resolves with the id, once synced. */
  const send = (due: number, more: Partial<DueDraft> & { channel?: string; to?: string } = {}) => {
    const { channel = 'common', to = 'tokyo', ...rest } = more
    const draft: DueDraft = {
      kind: 'text',
      body: 'x',
      sentAt: spool.system.clock.now(),
      due: { at: due, to, channel, priority: 4 },
      ...rest
    }
    return intake.append(draft, id => id)
  }
  return {
    ids,
    intake,
    send,
    /** The same with a body that lies in a file. */
    sendLarge: async (due: number, { id, body }: { id: string; body: string }) => {
      const chunks = Readable.from([Buffer.from(body)])
      const blob = await blobs.put({ folder: intake.folder(id) }, { kind: 'text', chunks, before: () => undefined })
      return send(due, { id, blob: true, body: encodeBlob(blob) })
    },
    close: async () => {
      await intake.close()
      await life.close()
    }
  }
}

export interface InOutbox extends Stored {
  to: string
  channel: string
  /** When its frame was written. */
  at: number
}

/** Also what lies in a file, which must be there and be what was sent. */
async function bodyOf(files: Files, segment: string, { body, blob }: Stored): Promise<Buffer> {
  if (blob === undefined) return body
  const pieces: Buffer[] = []
  for await (const piece of readBlob(files, blobBesideSegment(segment, blob.id)!, blob)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** All messages in whole frames of all outboxes; of one stream in order. */
export async function outbox(files: Files, path = PATH): Promise<InOutbox[]> {
  const found: InOutbox[] = []
  for (const to of await foldersIn(files, `${path}/outbox`)) {
    for (const channel of await foldersIn(files, `${path}/outbox/${to}`)) {
      const folder = `${path}/outbox/${to}/${channel}/4`
      for (const segment of await listSegments(files, folder)) {
        const reader = await SegmentReader.open(files, segment.path)
        if (reader === undefined) continue
        for await (const part of segmentParts(reader)) {
          if (part.kind !== 'frame') continue
          const { payload, at: writtenAt } = part.frame
          for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
            if (payload[at + 8] !== MESSAGE) continue
            const message = { ...decodeMessage(payload, at), to, channel: decodeChannel(channel)!, at: writtenAt }
            found.push({ ...message, body: await bodyOf(files, segment.path, message) })
          }
        }
        await reader.close()
      }
    }
  }
  return found
}

/** All files and folders below, relative. */
export async function tree(files: Files, folder: string): Promise<string[]> {
  const found: string[] = []
  const walk = async (below: string) => {
    for (const { name, kind } of await files.list(`${folder}${below}`).catch(() => [])) {
      found.push(`${below}/${name}`)
      if (kind === 'folder') await walk(`${below}/${name}`)
    }
  }
  await walk('')
  return found.sort()
}

/** These files, but for some calls of them. */
export function filesWith(files: Files, calls: Partial<Files>): Files {
  return new Proxy(files, {
    get: (on, name) => {
      const value = Reflect.get(calls, name) ?? Reflect.get(on, name)
      return typeof value === 'function' ? value.bind(on) : value
    }
  })
}
