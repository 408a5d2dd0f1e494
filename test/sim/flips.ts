import { crc32 } from 'node:zlib'
import { decodeMessage, decodeNote, entryBytes, isWholeEntry, MARK, MESSAGE } from '../../src/journal/entry.ts'
import { decodeFrameHeader, FRAME_HEADER_BYTES_MAX, type FrameKind } from '../../src/journal/frame.ts'
import { mendBit } from '../../src/journal/mend-bit.ts'
import { decodeSegmentHead, SEGMENT_HEAD_BYTES } from '../../src/journal/segment-head.ts'
import { SimFiles, type SimRandom } from '../../src/system/sim/index.ts'
import { type Sent, tokenIn } from './ledger.ts'
import { filesBelow } from './orphans.ts'
import { type Site, SPOOL } from './site.ts'

/** An entry on a disk, and how it is called there. */
interface Place {
  path: string
  room: string
  /** Of the file, and of what the entry came from: in an inbox another one. */
  file: string
  stream: string
  position: number
  at: number
  bytes: number
}

/** Where a bit of a message was turned. */
export interface Hit {
  site: string
  path: string
  stream: string
  position: number
}

const TRIES = 20

/**
 * Turns a bit in what lies synced: of a message, which may be lost by it, or of a mark, a frame's header, a segment's head or what
 * says who the node is, which can be mended and cost nobody anything.
 *
 * Never two in one frame: what a second one does to a header nobody can mend. Only below what the header of a later frame, hit or
 * not, says was synced: above it damage cannot be told from what a crash leaves.
 */
export function flipBit(site: Site, random: SimRandom): void {
  if (site.machine.disk.disk.find(SPOOL) === undefined) return
  if (random.chance(0.05) && flipIdentity(site, random)) return
  const segments = [...filesBelow(site.machine.disk.disk.folder(SPOOL), SPOOL)].filter(path => path.endsWith('.seg'))
  const rooms = [...new Set(segments.map(roomOf))].sort()
  const durable = durableOf(site)
  for (let tries = 0; tries < TRIES && rooms.length > 0; tries++) {
    const room = random.pick(rooms)
    const path = random.pick(segments.filter(one => roomOf(one) === room))
    const frames = vouchedFor(site, durable, path)
    if (frames.length > 0 && !site.turned.has(`${path} 0`) && random.chance(0.1)) {
      flipHead(site, random, path)
      return
    }
    if (frames.length > 0 && flipIn(site, random, { path, room }, random.pick(frames))) return
  }
}

function flipIn(site: Site, random: SimRandom, file: { path: string; room: string }, frame: FramePlace): boolean {
  const { path, room } = file
  const bytes = site.machine.disk.peek(path)!
  const inHeader = frame.count === 0 || random.chance(0.2)
  const byte = inHeader
    ? frame.at + random.int(frame.payloadAt - frame.at)
    : frame.payloadAt + random.int(frame.end - frame.payloadAt)
  let what = 'a header'
  if (!inHeader) {
    const place = entryAt(bytes, { path, room, file: frame.file }, frame, byte)
    const cost = place && costOf(site, bytes, place)
    if (cost === undefined) return false
    what = cost
  }
  site.turned.add(`${path} ${frame.at}`)
  site.turned.add(frame.file)
  site.machine.disk.flip(path, byte, random.int(8))
  site.sometimes.saw('flip')
  site.sometimes.saw(`flip in ${room}`)
  site.trace.note(`${site.name}: a bit turns in ${path} at ${byte}, in ${what}`)
  return true
}

function flipIdentity(site: Site, random: SimRandom): boolean {
  const path = `${SPOOL}/${random.pick(['node.json', 'FORMAT'])}`
  if (site.machine.disk.disk.find(path) === undefined || site.turned.has(path)) return false
  site.turned.add(path)
  const byte = random.int(site.machine.disk.peek(path)!.length)
  site.machine.disk.flip(path, byte, random.int(8))
  site.sometimes.saw('flip')
  site.sometimes.saw('flip in who it is')
  site.trace.note(`${site.name}: a bit turns in ${path} at ${byte}`)
  return true
}

function flipHead(site: Site, random: SimRandom, path: string): void {
  const byte = random.int(SEGMENT_HEAD_BYTES)
  site.turned.add(`${path} 0`)
  site.machine.disk.flip(path, byte, random.int(8))
  site.sometimes.saw('flip')
  site.sometimes.saw('flip in a head')
  site.trace.note(`${site.name}: a bit turns in the head of ${path}, at ${byte}`)
}

/** Whom it may cost something, noted; undefined for what must not be hit. */
function costOf({ name, checker: { ledger } }: Site, bytes: Buffer, place: Place): string | undefined {
  const { path, stream, position, at } = place
  const kind = bytes[at + 8]
  if (kind === MARK) return `a mark ${JSON.stringify(decodeNote(bytes, at))}`
  const token = kind === MESSAGE ? tokenIn(decodeMessage(bytes, at)) : Number.NaN
  const sent: Sent | undefined = ledger.get(token)
  sent?.hits.push({ site: name, path, stream, position })
  return sent && `#${token}`
}

interface FramePlace {
  kind: FrameKind
  at: number
  payloadAt: number
  end: number
  syncedTo: number
  count: number
  first: number
  stream: string
  /** The stream that the file itself is. */
  file: string
}

/** The frames of a segment that may be hit: a header still vouches for them, and those that were hit before are read all the same. */
function vouchedFor(site: Site, durable: SimFiles, path: string): FramePlace[] {
  const frames = framesOf(site, durable, path)
  const synced = Math.max(0, ...frames.map(({ syncedTo }) => syncedTo))
  return frames.filter(({ kind, at, end }) => kind === 'data' && end <= synced && !site.turned.has(`${path} ${at}`))
}

/** What a power cut would leave: nothing else can vouch for anything. */
function durableOf({ machine }: Site): SimFiles {
  const durable = new SimFiles()
  durable.restore(machine.disk.snapshot())
  durable.crash({ data: 'lose', names: 'lose' })
  return durable
}

/** With those that were hit: their headers are read as they were. */
function framesOf({ turned }: Site, durable: SimFiles, path: string): FramePlace[] {
  const bytes = durable.disk.find(path) === undefined ? Buffer.alloc(0) : durable.peek(path)!
  const head = decodeSegmentHead(bytes, path)
  const frames: FramePlace[] = []
  for (let at = SEGMENT_HEAD_BYTES; head !== undefined; ) {
    const rest = bytes.subarray(at, at + FRAME_HEADER_BYTES_MAX)
    const decode = (tried: Buffer) => decodeFrameHeader(tried, 0, head.salt)
    const header = decode(rest) ?? (turned.has(`${path} ${at}`) ? mendBit(rest, decode) : undefined)
    if (header === undefined) break
    const { source, headerBytes, payloadBytes, kind, count, first } = header
    const payloadAt = at + headerBytes
    const end = payloadAt + payloadBytes
    if (end > bytes.length) break
    // A torn one ends what was synced, and vouches for nothing.
    if (!turned.has(`${path} ${at}`) && crc32(bytes.subarray(payloadAt, end)) !== header.payloadCrc) break
    const syncedTo = kind === 'seal' ? at : header.syncedTo
    const of = { first: source?.from ?? first, stream: source?.stream ?? head.stream, file: head.stream }
    frames.push({ kind, at, payloadAt, end, syncedTo, count, ...of })
    at = end
  }
  return frames
}

function entryAt(
  bytes: Buffer,
  file: { path: string; room: string; file: string },
  frame: FramePlace,
  byte: number
): Place | undefined {
  for (let at = frame.payloadAt, i = 0; i < frame.count; i++) {
    if (!isWholeEntry(bytes.subarray(at, frame.end), 0)) return undefined
    const length = entryBytes(bytes, at)
    if (byte < at + length) return { ...file, stream: frame.stream, position: frame.first + i, at, bytes: length }
    at += length
  }
  return undefined
}

function roomOf(path: string): string {
  return path.slice(SPOOL.length + 1).split('/')[0]!
}
