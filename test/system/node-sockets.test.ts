import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { nodeFiles } from '../../src/system/node-files.ts'
import { nodeSockets } from '../../src/system/node-sockets.ts'
import { Ear, testSockets } from './sockets-contract.ts'

const made: string[] = []
const sockets = nodeSockets()

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dropr-sockets-'))
  made.push(folder)
  return folder
}

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true })
})

const place = (root: string) => ({
  sockets,
  files: nodeFiles(),
  root,
  until: <T>(promise: Promise<T>) => promise
})

testSockets('node', async () => place(freshFolder()))

if (process.platform === 'linux') {
  testSockets('node, in a folder with a long name', async () => {
    const root = `${freshFolder()}/${'long'.repeat(50)}`
    mkdirSync(root)
    return place(root)
  })

  test('a long path costs no descriptor after the close', async () => {
    const root = `${freshFolder()}/${'long'.repeat(50)}`
    mkdirSync(root)
    const before = readdirSync('/proc/self/fd').length
    const listener = await sockets.listen(`${root}/s`, line => line.end())
    const ear = new Ear(await sockets.connect(`${root}/s`))
    await ear.until(({ ended }) => ended)
    await listener.close()
    expect(existsSync(`${root}/s`)).toBe(false)
    expect(readdirSync('/proc/self/fd').length).toBe(before)
    await expect(sockets.connect(`${root}/s`)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(readdirSync('/proc/self/fd').length).toBe(before)
  })
}

test('a name that no system can take is refused, never cut', async () => {
  const path = `${freshFolder()}/${'n'.repeat(120)}`
  await expect(sockets.listen(path, line => line.end())).rejects.toMatchObject({ code: 'SOCKET_PATH_LONG' })
  await expect(sockets.connect(path)).rejects.toMatchObject({ code: 'SOCKET_PATH_LONG' })
})

test('messages come whole however the bytes are cut, and large ones pass', async () => {
  const path = `${freshFolder()}/s`
  const connected = new Promise<Ear>(resolve => {
    void sockets.listen(path, line => resolve(new Ear(line)))
  })
  while (!existsSync(path)) await new Promise(resolve => setImmediate(resolve))
  const raw = createConnection(path)
  for (const byte of Buffer.from('a\n\ngrö😀ße\nb')) {
    raw.write(Uint8Array.of(byte))
    await new Promise(resolve => setImmediate(resolve))
  }
  const ear = await connected
  await ear.until(({ heard }) => heard.length === 3)
  expect(ear.heard).toEqual(['a', '', 'grö😀ße'])
  const large = 'x'.repeat(15 * 1024 * 1024)
  raw.write(`${large}\n`)
  await ear.until(({ heard }) => heard.length === 4)
  expect(ear.heard[3] === `b${large}`).toBe(true)
  raw.end()
  await ear.until(({ ended }) => ended)
})

test('a message without end is cut at 16 MiB', async () => {
  const path = `${freshFolder()}/s`
  const listener = await sockets.listen(path, line => new Ear(line))
  const raw = createConnection(path)
  raw.on('error', () => undefined)
  const closed = new Promise<void>(resolve => raw.once('close', () => resolve()))
  raw.resume()
  const part = Buffer.alloc(1024 * 1024, 'x')
  for (let at = 0; at < 18; at++) raw.write(part)
  await closed
  await listener.close()
})

test('a peer that does not read ends its line, not our memory', async () => {
  const path = `${freshFolder()}/s`
  let sent = 0
  const ended = new Promise<void>(resolve => {
    void sockets.listen(path, line => {
      line.onMessage = () => undefined
      line.onEnd = resolve
      const text = 'x'.repeat(4 * 1024 * 1024)
      const more = () => {
        if (++sent > 40) return
        line.send(text)
        setImmediate(more)
      }
      more()
    })
  })
  while (!existsSync(path)) await new Promise(resolve => setImmediate(resolve))
  const raw = createConnection(path)
  raw.on('error', () => undefined)
  await ended
  expect(sent).toBeLessThan(30)
  raw.destroy()
})
