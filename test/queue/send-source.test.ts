import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { limitsFrom } from '../../src/limits.ts'
import { type BlobPlace, type BlobRoom, sendSources } from '../../src/queue/send-source.ts'

const limits = limitsFrom({ messageBytesMax: 1_024 })

/** A body of 4 KiB is sent to two places; it ends there. Returns how its files were dropped. */
async function dropped(ends: 'reading' | 'appending'): Promise<string[]> {
  const done: string[] = []
  const noteAs = (how: string) => (to: BlobPlace) =>
    Promise.resolve(void done.push(`${how} ${'folder' in to ? to.folder : to.peer}`))
  const room: BlobRoom = {
    put: async (_, { kind, chunks }) => {
      let bytes = 0
      for await (const chunk of chunks) bytes += chunk.length
      return { kind, bytes, sha256: 'aa'.repeat(32), id: '0'.repeat(16) }
    },
    copy: () => (ends === 'reading' ? Promise.reject(new DroprError('DISK_FULL', 'no')) : Promise.resolve()),
    drop: noteAs('anyhow'),
    dropUnlessOwned: noteAs('unless owned')
  }
  const source = (async function* () {
    yield Buffer.alloc(4_096)
  })()
  const draft = { kind: 'bytes' as const, body: Buffer.alloc(0), sentAt: 1, id: undefined, expiresAt: undefined }
  const sent = sendSources({
    items: [{ draft, source }],
    options: {},
    places: [{ folder: 'a' }, { folder: 'b' }],
    limits,
    room,
    append: () => Promise.reject(new DroprError('DISK_FULL', 'no')),
    what: 'sendMessage'
  })
  await expect(sent).rejects.toMatchObject({ code: 'DISK_FULL' })
  return done
}

test('the files of a large body go with a rejected send; once its entries were appended, only where none is', async () => {
  expect(await dropped('reading')).toEqual(['anyhow a', 'anyhow b'])
  expect(await dropped('appending')).toEqual(['unless owned a', 'unless owned b'])
})
