import { diskError } from '../errors.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { quarantine } from '../spool/quarantine.ts'
import type { Spool } from '../spool/spool.ts'
import type { Held } from './held.ts'
import type { Row } from './rows.ts'

/**
 * Held messages that can no longer be read: their bytes go to corrupt/, with a note, before anybody takes them for finished and
 * the segment goes. What one look at the whole segment had found damaged is there already; a bit may turn after it.
 *
 * @throws DroprError DISK_*
 */
export async function setAside(
  spool: Spool,
  held: Pick<Held, 'path'>,
  rows: readonly Pick<Row, 'offset' | 'bytes' | 'position'>[]
): Promise<void> {
  const { path } = held
  const { files, log } = spool.system
  try {
    const reader = await SegmentReader.open(files, path)
    if (reader === undefined) {
      const positions = rows.map(({ position }) => position).slice(0, 100)
      log.error({ code: 'ENTRY_CORRUPT', path, positions }, 'scheduled messages are gone with their segment')
      return
    }
    try {
      const end = await reader.bytes()
      for (const { offset, bytes, position } of rows)
        await quarantine(spool, reader, {
          path,
          from: offset,
          to: Math.min(end, offset + bytes),
          lost: [[position, position + 1]],
          saved: 0,
          why: 'a scheduled message can no longer be read'
        })
    } finally {
      await reader.close()
    }
  } catch (error) {
    throw diskError(error, `set aside what is damaged in ${path}`)
  }
}
