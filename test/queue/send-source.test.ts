import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { limitsFrom } from '../../src/limits.ts'
import { type BlobRoom, sendSources } from '../../src/queue/send-source.ts'

const limits = limitsFrom({ messageBytesMax: 1_024 })

/** A body of 4 KiB is sent to these places; appending fails. Returns from where its file was dropped. */
async function droppedFrom(folders: string[], code: 'CLOSED' | 'DISK_ERROR'): Promise<string[]> {
  const dropped: string[] = []
  const room: BlobRoom = {
    put: async (_, { kind, chunks }) => {
      let bytes = 0
      for await (const chunk of chunks) bytes += chunk.length
      return { kind, bytes, sha256: 'aa'.repeat(32), id: '0'.repeat(16) }
    },
    copy: () => Promise.resolve(),
    drop: to => Promise.resolve(void dropped.push('folder' in to ? to.folder : to.peer))
  }
  const source = (async function* () {
    yield Buffer.alloc(4_096)
  })()
  const draft = { kind: 'bytes' as const, body: Buffer.alloc(0), sentAt: 1, id: undefined, expiresAt: undefined }
  const sent = sendSources({
    items: [{ draft, source }],
    options: {},
    places: folders.map(folder => ({ folder })),
    limits,
    room,
    append: () => Promise.reject(new DroprError(code, 'no')),
    what: 'sendMessage'
  })
  await expect(sent).rejects.toMatchObject({ code })
  return dropped
}

test('the file of a large body goes with a send only when no message can be there that needs it', async () => {
  expect(await droppedFrom(['a'], 'CLOSED')).toEqual(['a'])
  // Written or not: nobody knows.
  expect(await droppedFrom(['a'], 'DISK_ERROR')).toEqual([])
  // That to the second one came too late; that to the first is on the disk.
  expect(await droppedFrom(['a', 'b'], 'CLOSED')).toEqual([])
})
