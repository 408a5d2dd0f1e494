import { type Salvaged, salvageFrames } from '../journal/salvage.ts'

/** Positions that follow each other: their bytes, or that they are lost. */
export interface Piece {
  first: number
  count: number
  /** Undefined: lost. */
  payload: Buffer | undefined
}

/**
 * What is left of the positions [first, to) of a stream, whose frames lay in these damaged bytes.
 *
 * Frames are tried where one ends or where one may begin; entries that are whole keep their position, the rest is lost.
 */
export function salvagePieces(
  bytes: Buffer,
  salt: number,
  positions: { first: number; to: number }
): { pieces: Piece[]; saved: number } {
  const { first, to } = positions
  const saved = new Map<number, Buffer>()
  for (const frame of salvageFrames(bytes, salt))
    if (fits(frame, first, to))
      for (const entry of frame.entries) saved.set(frame.header.first + entry.index, entry.bytes)
  return { pieces: piecesOf(saved, first, to), saved: saved.size }
}

function fits({ header }: Salvaged, first: number, to: number): boolean {
  return header.kind === 'data' && header.first >= first && header.first + header.count <= to
}

function piecesOf(saved: ReadonlyMap<number, Buffer>, first: number, to: number): Piece[] {
  const pieces: Piece[] = []
  for (let at = first; at < to; ) {
    const begins = at
    const parts: Buffer[] = []
    for (let entry = saved.get(at); entry !== undefined; entry = saved.get(++at)) parts.push(entry)
    if (parts.length > 0) pieces.push({ first: begins, count: at - begins, payload: Buffer.concat(parts) })
    const lostFrom = at
    while (at < to && !saved.has(at)) at++
    if (at > lostFrom) pieces.push({ first: lostFrom, count: at - lostFrom, payload: undefined })
  }
  return pieces
}
