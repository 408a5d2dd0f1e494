import { systemCode } from '../errors.ts'
import type { Files } from '../system/files.ts'

const NAME = /^([a-z0-9]{1,32})-([0-9]{1,15})\.seg$/

/** A segment file: who writes it, and its number in the folder. */
export interface SegmentName {
  path: string
  writer: string
  n: number
}

export function segmentPath(folder: string, writer: string, n: number): string {
  return `${folder}/${writer}-${String(n).padStart(8, '0')}.seg`
}

/** Undefined for a file that is no segment. */
export function parseSegmentName(folder: string, name: string): SegmentName | undefined {
  const parts = NAME.exec(name)
  return parts === null ? undefined : { path: `${folder}/${name}`, writer: parts[1]!, n: Number(parts[2]) }
}

/** The segments of a folder, by number, then writer. Strangers are left alone; no folder is an empty one. */
export async function listSegments(files: Files, folder: string): Promise<SegmentName[]> {
  const entries = await files.list(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  const segments: SegmentName[] = []
  for (const { name, kind } of entries) {
    const segment = kind === 'file' ? parseSegmentName(folder, name) : undefined
    if (segment !== undefined) segments.push(segment)
  }
  return segments.sort((a, b) => a.n - b.n || (a.writer < b.writer ? -1 : 1))
}
