import { expect, test } from 'vitest'
import { bodies, desk, parts, text } from './desk.ts'

const id = (given: string) => given

test('P6: a writer that closes after a failed commit leaves a seal behind, or says that it could not', async () => {
  for (const full of [false, true]) {
    const { journal, disk } = await desk({ endsWithSeal: true })
    await journal.append(text('kept'), id)
    disk.failNext({ call: 'writeSynced', code: 'ENOSPC' })
    await expect(journal.append(text('lost'), id)).rejects.toMatchObject({ code: 'DISK_FULL' })
    if (full) disk.failNext({ call: 'create', code: 'ENOSPC' })
    const closed = journal.close()
    if (full) await expect(closed).rejects.toMatchObject({ code: 'DISK_FULL' })
    else await closed
    const kinds = (await parts(disk)).map(part => (part.kind === 'frame' ? part.frame.kind : part.kind))
    expect(kinds.filter(kind => kind === 'seal')).toHaveLength(full ? 0 : 1)
    expect(await bodies(disk)).toContain('kept')
  }
})
