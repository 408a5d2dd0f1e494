import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type ReceiveUpload, storageCases, transportCases } from '../../src/conformance/index.ts'
import { openQueue, registerStorage, startNode } from '../../src/index.ts'
import { storageOf } from '../../src/system/storages.ts'
import { InProcessTransport } from './in-process-transport.ts'
import { MemoryFiles } from './memory-files.ts'

async function withFolder(files: MemoryFiles, folder: string): Promise<string> {
  const parts = folder.split('/').slice(1)
  for (const i of parts.keys()) await files.makeFolder(`/${parts.slice(0, i + 1).join('/')}`)
  return folder
}

const memories = new Map<string, MemoryFiles>()
registerStorage('memory', spool => {
  const files = memories.get(spool) ?? new MemoryFiles()
  memories.set(spool, files)
  return files
})
let tried = 0

for (const { title, run } of storageCases(async () => {
  const files = storageOf('memory', `/${++tried}`) as MemoryFiles
  return { files, root: await withFolder(files, '/a/b') }
}))
  test(`B7 B8: memory: ${title}`, run)

for (const { title, run } of transportCases(receive => {
  const transport = new InProcessTransport(new Map([['tokyo', receive]]))
  return { transport, peer: { name: 'tokyo', url: 'in-process:tokyo' }, close: () => transport.close() }
}))
  test(`B10: in process: ${title}`, run)

const made: string[] = []
afterAll(() => Promise.all(made.map(folder => rm(folder, { recursive: true, force: true }))))

/** A memory that holds a spool; its sockets lie in a folder of the same name. */
async function memorySpool() {
  const folder = await mkdtemp(path.join(tmpdir(), 'dropr-memory-'))
  made.push(folder)
  const storage = new MemoryFiles()
  await withFolder(storage, folder)
  return { storage, spool: path.join(folder, 'spool') }
}

test('B7 B9: a queue on a storage of a stranger sends, polls and acknowledges, and nothing but sockets is on the disk', async () => {
  const given = await memorySpool()
  await using queue = await openQueue(given)
  const sent = await queue.sendMessages(Array.from({ length: 100 }, (_, n) => n))
  const messages = await queue.poll({ max: 200, wait: '5s' })
  expect(messages.map(message => message.json())).toEqual(sent.map((_, n) => n))
  for (const message of messages) await message.ack()
  expect(await queue.poll()).toBeUndefined()
  expect(await readdir(given.spool)).toEqual(['run'])
  expect((await given.storage.list(given.spool)).map(({ name }) => name)).toContain('outbox')
})

test('B7: a storage is registered once by a name that it can be opened by; another name is refused with those there are', async () => {
  const { storage, spool } = await memorySpool()
  memories.set(spool, storage)
  const first = await openQueue({ spool, storage: 'memory' })
  await first.sendMessage('kept')
  await first.close()
  expect(await readdir(spool)).toEqual(['run'])
  await using second = await openQueue({ spool, storage: 'memory' })
  expect((await second.poll({ wait: '5s' }))!.text()).toBe('kept')

  await expect(openQueue({ spool, storage: 'memroy' })).rejects.toThrow(
    new TypeError('no storage "memroy" is registered in this process; there is disk, memory')
  )
  for (const name of ['memory', 'disk', '', 'A', '../x', undefined])
    expect(() => registerStorage(name as string, () => storage), String(name)).toThrow(TypeError)
  expect(() => registerStorage('other', storage as never)).toThrow(TypeError)
})

test('B9: what one queue left in the storage the next one finds', async () => {
  const given = await memorySpool()
  const first = await openQueue(given)
  await first.sendMessage('kept')
  await first.close()
  await using second = await openQueue(given)
  expect((await second.poll({ wait: '5s' }))!.text()).toBe('kept')
})

test('B9 B10: two nodes on memories of their own exchange messages over a transport of a stranger', async () => {
  const receivers = new Map<string, ReceiveUpload>()
  const start = async (node: string, peer: string) => {
    const config = { listen: '127.0.0.1:0', peers: { [peer]: { url: `http://${peer}.invalid` } } }
    const started = await startNode({
      ...(await memorySpool()),
      node,
      config,
      roles: ['client', 'server'],
      transport: new InProcessTransport(receivers)
    })
    receivers.set(node, started.receive)
    return started
  }
  await using berlin = await start('berlin', 'tokyo')
  await using tokyo = await start('tokyo', 'berlin')
  for (let n = 0; n < 50; n++) await berlin.queue.sendMessage(n, { to: 'tokyo', channel: 'c' })
  const got: unknown[] = []
  while (got.length < 50)
    for (const message of await tokyo.queue.poll({ channel: 'c', max: 50, wait: '10s' })) {
      got.push(message.json())
      await message.ack()
    }
  expect(got).toEqual(Array.from({ length: 50 }, (_, n) => n))
})
