import { crc32 } from 'node:zlib'
import { DroprError, diskError } from '../errors.ts'
import { ENTRY_BYTES_MIN, entryBytes, MESSAGE, messageFlags } from '../journal/entry.ts'
import { type Frame, frameHeaderBytes } from '../journal/frame.ts'
import { framesIn, salvageFrames } from '../journal/salvage.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { quarantine } from '../spool/quarantine.ts'
import type { Spool } from '../spool/spool.ts'
import { keyNumber } from './key-number.ts'
import type { OffsetBudget } from './offset-budget.ts'
import { type Block, type BlockTable, type Piece, placesOf } from './pieces.ts'

const READ_BYTES = 1_048_576
const SALVAGE_BYTES_MAX = 67_108_864
/** No commit is larger but one of a single message. */
const FRAME_BACK_BYTES = 8_388_608

/** Reads entries of the inbox back, where memory holds only their place. */
export class BlockReader {
  readonly #spool: Spool
  readonly #budget: OffsetBudget
  readonly #loading = new Map<Block, Promise<void>>()

  constructor(spool: Spool, budget: OffsetBudget) {
    this.#spool = spool
    this.#budget = budget
  }

  /** Learns where the entries of a block begin. Damage is set aside; of what is lost, the place is known to be nowhere. */
  load(block: Block): Promise<void> {
    if (block.table !== undefined) return Promise.resolve()
    let loading = this.#loading.get(block)
    if (loading === undefined) {
      loading = this.#load(block).finally(() => this.#loading.delete(block))
      this.#loading.set(block, loading)
    }
    return loading
  }

  /** The entry of each position of a piece; undefined for one that cannot be read. */
  async entries(piece: Piece): Promise<(Buffer | undefined)[]> {
    const { block, from, to } = piece
    while (block.table === undefined && block.live > 0) await this.load(block)
    const { table } = block
    if (table === undefined) return []
    const found: (Buffer | undefined)[] = []
    const { files } = this.#spool.system
    try {
      const file = await files.open(block.path)
      try {
        for (const place of placesOf(block, from, to)!) {
          const into = Buffer.alloc(place.bytes)
          const bytes = into.subarray(0, await file.read(into, place.at))
          for (let i = place.from - block.from; i < place.to - block.from; i++) {
            const begin = table.begins[i]! - (place.at - block.payloadAt)
            found.push(
              place.bytes === 0
                ? undefined
                : goodEntry(bytes.subarray(begin, begin + table.ends[i]! - table.begins[i]!))
            )
          }
        }
      } finally {
        await file.close()
      }
    } catch (error) {
      throw diskError(error, `read ${block.path}`)
    }
    return found
  }

  /** The entries of finished positions, of whose places memory holds nothing. */
  async finished(block: Block, from: number, to: number): Promise<(Buffer | undefined)[]> {
    try {
      const reader = await SegmentReader.open(this.#spool.system.files, block.path)
      if (reader === undefined) throw new DroprError('DISK_ERROR', `${block.path} is gone`)
      try {
        const { begins, ends } = await this.#tableOf(block, reader)
        const found: (Buffer | undefined)[] = []
        for (let i = from - block.from; i < to - block.from; i++)
          found.push(goodEntry(await reader.raw(block.payloadAt + begins[i]!, ends[i]! - begins[i]!)))
        return found
      } finally {
        await reader.close()
      }
    } catch (error) {
      throw diskError(error, `read ${block.path}`)
    }
  }

  async #load(block: Block): Promise<void> {
    try {
      const reader = await SegmentReader.open(this.#spool.system.files, block.path)
      if (reader === undefined) throw new DroprError('DISK_ERROR', `${block.path} is gone, with messages in it`)
      try {
        const { to, path } = block
        const table = await this.#tableOf(block, reader)
        // Not if it has taken in another meanwhile, or is finished: who still needs it asks again.
        if (block.to === to && block.path === path && block.live > 0) this.#budget.give(block, table)
      } finally {
        await reader.close()
      }
    } catch (error) {
      throw diskError(error, `read ${block.path}`)
    }
  }

  async #tableOf(block: Block, reader: SegmentReader): Promise<BlockTable> {
    const table = emptyTable(block)
    const end = block.payloadAt + block.bytes
    const { node, id } = block.stream
    let offset = block.payloadAt - frameHeaderBytes({ node } as Frame['source'])
    while (offset < end) {
      const bytes = Math.min(READ_BYTES, end - offset + 1)
      const { frames, next, stop } = await reader.read(offset, bytes, { stream: id })
      for (const frame of frames) if (frame.offset < end) place(table, block, frame)
      offset = next
      if (offset >= end || stop === 'more') continue
      // A frame may end behind the block: what is left of one is only known of all of it.
      const after = (await reader.resync(offset))?.offset ?? (await reader.bytes())
      await this.#salvage(table, block, { reader, from: offset, to: after })
      offset = Math.max(after, offset + 1)
    }
    return table
  }

  async #salvage(
    table: BlockTable,
    block: Block,
    bad: { reader: SegmentReader; from: number; to: number }
  ): Promise<void> {
    const { reader, from, to } = bad
    // A block of what was saved from a damaged frame begins within it: its header lies somewhere before.
    const begin = Math.max(SEGMENT_HEAD_BYTES, from - FRAME_BACK_BYTES)
    const bytes = await reader.raw(begin, Math.min(to - begin, SALVAGE_BYTES_MAX))
    let saved = 0
    for (const found of salvageFrames(bytes, reader.head.salt))
      for (const frame of framesIn(found, begin)) {
        if (frame.payloadAt < from || frame.source === undefined) continue
        place(table, block, frame)
        saved++
      }
    const lost = unread(table, block)
    // What was set aside when the channel was opened has its own note, of the whole place.
    if (lost.length === 0) return
    await quarantine(this.#spool, reader, {
      path: block.path,
      from: Math.max(from, block.payloadAt),
      to: Math.min(to, block.payloadAt + block.bytes),
      lost,
      saved,
      why: 'it was synced and is no longer what was written'
    })
  }
}

function emptyTable(block: Block): BlockTable {
  const count = block.to - block.from
  return {
    begins: new Uint32Array(count),
    ends: new Uint32Array(count),
    expires: block.expiring ? new Float64Array(count).fill(Number.POSITIVE_INFINITY) : undefined,
    keys: block.keyed ? new Float64Array(count) : undefined,
    later: block.frames > 1 ? new Uint32Array(count) : undefined
  }
}

/** Notes where the entries of a frame lie, if they are of this block. */
function place(
  table: BlockTable,
  block: Block,
  frame: Pick<Frame, 'source' | 'kind' | 'count' | 'payload' | 'payloadAt' | 'at'>
): void {
  const { source, payload, payloadAt } = frame
  if (frame.kind !== 'data' || source === undefined || source.stream !== block.stream.id) return
  let at = 0
  for (let i = 0; i < frame.count && at < payload.length; i++, at += entryBytes(payload, at)) {
    const index = source.from + i - block.from
    if (index < 0 || index >= table.begins.length) continue
    table.begins[index] = payloadAt - block.payloadAt + at
    table.ends[index] = payloadAt - block.payloadAt + at + entryBytes(payload, at)
    if (table.later !== undefined) table.later[index] = Math.max(0, frame.at - block.at)
    if (table.keys !== undefined) table.keys[index] = keyNumber(payload, at)
    const expiresAt = table.expires === undefined ? undefined : messageFlags(payload, at).expiresAt
    if (expiresAt !== undefined && payload[at + 8] === MESSAGE) table.expires![index] = expiresAt
  }
}

function unread(table: BlockTable, block: Block): [number, number, string][] {
  const lost: [number, number, string][] = []
  for (let i = 0; i < table.ends.length; i++) {
    if (table.ends[i] !== 0) continue
    const last = lost.at(-1)
    if (last?.[1] === block.from + i) last[1]++
    else lost.push([block.from + i, block.from + i + 1, block.stream.id])
  }
  return lost
}

function goodEntry(bytes: Buffer): Buffer | undefined {
  if (bytes.length < ENTRY_BYTES_MIN || entryBytes(bytes, 0) !== bytes.length) return undefined
  return crc32(bytes.subarray(8)) === bytes.readUInt32LE(4) ? bytes : undefined
}
