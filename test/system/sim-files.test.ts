import { expect, test } from 'vitest'
import { storageCases } from '../../src/conformance/index.ts'
import { SimFiles, SimRandom } from '../../src/system/sim/index.ts'

/** The published suite, a test a case. */
for (const { title, run } of storageCases(async () => {
  const files = new SimFiles()
  await files.makeFolder('/root')
  return { files, root: '/root', plantLink: (path: string) => files.plantLink(path) }
}))
  test(`B8: simulated: ${title}`, run)

function seeds(count: number): SimRandom[] {
  return Array.from({ length: count }, (_, seed) => new SimRandom(seed))
}

/** A file with `ab` synced under a synced name. */
async function withFile() {
  const files = new SimFiles()
  const file = await files.create('/a')
  await file.writeSynced([Buffer.from('ab')], 0)
  await files.syncFolder('/')
  return { files, file }
}

test('after a crash every un-synced byte may be lost or kept, and synced ones are there', async () => {
  const outcomes = new Set<string>()
  for (const random of seeds(200)) {
    const { files, file } = await withFile()
    await file.write([Buffer.from('cd')], 2)
    files.crash({ random })
    outcomes.add(files.peek('/a')!.toString())
  }
  expect([...outcomes].toSorted()).toEqual(['ab', 'ab\0', 'ab\0\0', 'abc', 'abc\0', 'abcd'])
})

test('sectors of one write are lost each by itself', async () => {
  const outcomes = new Set<string>()
  for (const random of seeds(400)) {
    const { files, file } = await withFile()
    await file.write([Buffer.alloc(510, '1'), Buffer.alloc(512, '2'), Buffer.alloc(512, '3')], 2)
    files.crash({ random })
    const bytes = files.peek('/a')!
    outcomes.add([2, 512, 1024].map(at => (bytes.length > at ? (bytes[at] ? 'x' : '0') : '-')).join(''))
  }
  for (const seen of ['---', 'x--', 'xx-', 'xxx', '0xx', 'x0x', '00x', '000']) expect(outcomes).toContain(seen)
})

test('writeSynced makes its own bytes and the length durable, not those of earlier writes', async () => {
  for (const [data, expected] of [
    ['lose', 'ab\0\0ef'],
    ['keep', 'abcdef']
  ] as const) {
    const { files, file } = await withFile()
    await file.write([Buffer.from('cd')], 2)
    await file.writeSynced([Buffer.from('ef')], 4)
    files.crash({ data })
    expect(files.peek('/a')!.toString()).toBe(expected)
  }
})

test('a crash can be made to keep exactly so many bytes', async () => {
  for (let kept = 0; kept <= 4; kept++) {
    const { files, file } = await withFile()
    await file.write([Buffer.from('cdef')], 2)
    files.crash({ data: kept })
    expect(files.peek('/a')!.toString()).toBe('abcdef'.slice(0, 2 + kept))
  }
})

test('a name is durable only after its folder is synced', async () => {
  const files = new SimFiles()
  await files.makeFolder('/f')
  await (await files.create('/f/a')).sync()
  await files.syncFolder('/f')
  files.crash({ names: 'lose' })
  expect(await files.list('/')).toEqual([])
  await files.makeFolder('/f')
  await files.syncFolder('/')
  await files.create('/f/a')
  files.crash({ names: 'lose' })
  expect(await files.list('/')).toEqual([{ name: 'f', kind: 'folder' }])
  expect(await files.list('/f')).toEqual([])
})

test('un-synced names of one folder are lost each by itself, a rename as a whole', async () => {
  const outcomes = new Set<string>()
  for (const random of seeds(400)) {
    const { files } = await withFile()
    await files.create('/b')
    await files.rename('/a', '/c')
    await files.makeFolder('/d')
    files.crash({ random })
    const names = (await files.list('/')).map(entry => entry.name)
    outcomes.add(names.toSorted().join(''))
  }
  expect([...outcomes].toSorted()).toEqual(['a', 'ab', 'abd', 'ad', 'bc', 'bcd', 'c', 'cd'])
})

test('a removal that is not synced may come undone', async () => {
  const { files } = await withFile()
  await files.remove('/a')
  expect(await files.stat('/a')).toBeUndefined()
  files.crash({ names: 'lose' })
  expect(files.peek('/a')!.toString()).toBe('ab')
})

test('replace is all or nothing at every crash, and durable when resolved', async () => {
  const outcomes = new Set<string>()
  for (const random of seeds(200)) {
    const files = new SimFiles({ random: random.fork('disk') })
    await files.replace('/a', 'old')
    const steps = random.int(12)
    void files.replace('/a', 'newer')
    for (let step = 0; step < steps; step++) await Promise.resolve()
    files.crash()
    outcomes.add(files.peek('/a')!.toString())
  }
  expect([...outcomes].toSorted()).toEqual(['newer', 'old'])
})

test('after a failed sync the bytes read back, the handle refuses, and the crash takes them', async () => {
  for (const [data, expected] of [
    ['lose', 'ab'],
    ['keep', 'ab\0\0']
  ] as const) {
    const { files, file } = await withFile()
    await file.write([Buffer.from('cd')], 2)
    const rule = files.failNext({ call: 'sync', code: 'EIO' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
    expect(rule.hits).toBe(1)
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO', cause: { code: 'EIO' } })
    expect(files.peek('/a')!.toString()).toBe('abcd')
    files.crash({ data })
    expect(files.peek('/a')!.toString()).toBe(expected)
  }
})

test('faults strike the calls that they name, after as many as they say', async () => {
  const { files } = await withFile()
  files.failNext({ call: 'stat', code: 'EACCES', path: path => path === '/a', after: 1, times: 2 })
  await files.stat('/a')
  await files.stat('/b')
  await expect(files.stat('/a')).rejects.toMatchObject({ code: 'EACCES' })
  await expect(files.stat('/a')).rejects.toMatchObject({ code: 'EACCES' })
  await files.stat('/a')
})

test('a write that fails leaves the bytes it is told to leave', async () => {
  const { files, file } = await withFile()
  files.failNext({ call: 'writeSynced', code: 'EIO', partialBytes: 1 })
  await expect(file.writeSynced([Buffer.from('cd')], 2)).rejects.toMatchObject({ code: 'EIO' })
  expect(files.peek('/a')!.toString()).toBe('abc')
  await file.close()
})

test('a full disk writes short with ENOSPC, and takes again what removals free', async () => {
  const { files, file } = await withFile()
  files.capacityBytes = 4
  await expect(file.preallocate(2, 100)).rejects.toMatchObject({ code: 'ENOSPC' })
  await file.writeSynced([Buffer.from('cd')], 2)
  await expect(file.writeSynced([Buffer.from('ef')], 4)).rejects.toMatchObject({
    code: 'ENOSPC',
    message: expect.stringContaining('wrote 0 of 2 bytes')
  })
  await expect(files.replace('/b', 'x')).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(await files.list('/')).toEqual([{ name: 'a', kind: 'file' }])
  await files.remove('/a')
  await files.replace('/b', 'wxyz')
  expect((await files.space('/')).free).toBe(0)
})

test('a read-only disk is read and not changed', async () => {
  const { files, file } = await withFile()
  files.readOnly = true
  expect((await files.read('/a', 2)).toString()).toBe('ab')
  for (const change of [
    () => files.create('/b'),
    () => files.remove('/a'),
    () => files.replace('/a', ''),
    () => file.write([Buffer.from('x')], 0)
  ]) {
    await expect(change()).rejects.toMatchObject({ code: 'EROFS' })
  }
})

test('open files are counted, and closing makes room', async () => {
  const { files, file } = await withFile()
  files.handlesMax = 2
  const reader = await files.open('/a')
  await expect(files.open('/a')).rejects.toMatchObject({ code: 'EMFILE' })
  await reader.close()
  await file.close()
  await (await files.open('/a')).close()
})

test('a bit that turns stays turned', async () => {
  const { files } = await withFile()
  files.flip('/a', 1, 0)
  expect(files.peek('/a')!.toString()).toBe('ac')
  files.crash({ data: 'lose' })
  expect(files.peek('/a')!.toString()).toBe('ac')
})

test('a restored disk is what it was, with what was not yet synced', async () => {
  const { files, file } = await withFile()
  await file.write([Buffer.from('cd')], 2)
  await files.link('/a', '/b')
  const snapshot = files.snapshot()
  await files.remove('/a')
  for (const data of ['keep', 'lose'] as const) {
    files.restore(snapshot)
    expect(files.peek('/b')!.toString()).toBe('abcd')
    files.crash({ data, names: 'keep' })
    expect(files.peek('/a')).toEqual(files.peek('/b'))
    expect(files.peek('/a')!.toString()).toBe(data === 'keep' ? 'abcd' : 'ab')
  }
})
