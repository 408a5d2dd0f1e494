import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { type BodySource, chunksOf, file, sourceOf, takeHead } from '../../src/queue/body-source.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const MB = 1_048_576

async function textOf(source: BodySource): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of chunksOf(source)) parts.push(part)
  return Buffer.concat(parts).toString()
}

test('of a long stream no part is kept in memory once the next is asked for', async () => {
  async function* parts() {
    for (let i = 0; i < 60; i++) yield Buffer.alloc(MB, i)
  }
  const stop = new AbortController()
  const { rest } = await takeHead(chunksOf(parts(), stop.signal), 2 * MB)
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  let count = 0
  for await (const _ of rest!) {
    if (++count < 50) continue
    collectGarbage()
    // What is collected is given back a little later.
    await expect.poll(() => process.memoryUsage().arrayBuffers - before, { timeout: 5_000 }).toBeLessThan(8 * MB)
    break
  }
  expect(count).toBe(50)
})

test('a file, a web stream, a Blob and text in parts give their bytes; a link is followed, a folder is unreadable', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'dropr-source-'))
  try {
    writeFileSync(path.join(folder, 'a'), 'größe')
    symlinkSync('a', path.join(folder, 'b'))
    for (const name of ['a', 'b']) expect(await textOf(file(path.join(folder, name)))).toBe('größe')
    expect(await textOf(new Blob(['größe']))).toBe('größe')
    expect(await textOf(new Blob(['grö', 'ße']).stream() as BodySource)).toBe('größe')
    for (const name of ['.', 'none'])
      await expect(textOf(file(path.join(folder, name)))).rejects.toMatchObject({ code: 'BODY_UNREADABLE' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('only what is read while it is sent counts as a source', () => {
  for (const body of ['x', Buffer.from('x'), null, 7, { file: 'x' }, [1], { path: 'x' }])
    expect(sourceOf(body)).toBeUndefined()
  for (const path of ['', 7, undefined]) expect(() => file(path as string)).toThrow(TypeError)
})
