import { bodyBytesOf } from '../journal/blob-of.ts'
import { decodeMessage } from '../journal/entry.ts'
import { readFates, walkLetters } from '../spool/dead-walk.ts'
import type { System } from '../system/system.ts'
import type { FoundRow, Room } from './ls-rows.ts'

/** The dead letters of one channel, those too that were moved or dropped since. Written twice, a letter counts once. */
export class LsDead implements Room {
  readonly room = 'dead'
  readonly channel: string
  readonly #system: Pick<System, 'files'>
  readonly #folder: string

  constructor(options: { system: Pick<System, 'files'>; folder: string; channel: string }) {
    this.channel = options.channel
    this.#system = options.system
    this.#folder = options.folder
  }

  async *batches(wanted?: string, whole = wanted !== undefined): AsyncGenerator<FoundRow[]> {
    const { files } = this.#system
    const { channel } = this
    const { fates } = await readFates(files, this.#folder)
    for await (const { letters } of walkLetters({ files, folder: this.#folder, channel, fates })) {
      const batch: FoundRow[] = []
      for (const { entry, node: from, priority, stream, position, state, note } of letters) {
        const stored = decodeMessage(entry, 0)
        const { id, sentAt } = stored
        if (wanted !== undefined && id !== wanted) continue
        const { reason, code, at: deadAt } = note
        const said = {
          id,
          state,
          sentAt,
          deadAt,
          bytes: bodyBytesOf(stored),
          reason,
          code,
          ...(whole && { stored })
        }
        batch.push({ room: 'dead', channel, priority, from, stream, position, ...said })
      }
      yield batch
    }
  }
}
