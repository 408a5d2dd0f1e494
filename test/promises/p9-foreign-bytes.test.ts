import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Node } from '../../src/index.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { encodeUpload } from '../../src/wire/headers.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { RealNodes } from '../rows/real-nodes.ts'
import { STORES } from '../rows/stores.ts'
import { entriesOf } from '../server/memory-store.ts'
import { uploadOf } from '../wire/transport-suite.ts'

let nodes: RealNodes
let tokyo: Node

beforeEach(async () => {
  nodes = new RealNodes()
  tokyo = await nodes.node('tokyo')
})
afterEach(() => nodes.end())

let streams = 0

/** A good upload, with changes to its headers as they go over the wire. */
function uploadBytes(changes: Partial<UploadRequest> & { headers?: Record<string, string> } = {}): Buffer {
  const { headers, ...fields } = changes
  const stream = String(++streams).padStart(32, '0')
  const request = uploadOf({ stream, channel: 'c', entries: entriesOf('x'), ...fields })
  const all = { 'content-type': 'application/octet-stream', ...encodeUpload(request), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST /v1/upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${request.entries.length}\r\n${lines.join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), request.entries])
}

/** The status of the answer to bytes as they are; 0 when the connection ended without one. */
function statusOf(bytes: Buffer, to: Node = tokyo, msMax = 20_000): Promise<number> {
  const port = Number(to.listen!.split(':').at(-1))
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)))
    socket.on('data', chunk => {
      text += String(chunk)
      if (text.includes('\r\n\r\n')) socket.destroy()
    })
    socket.setTimeout(msMax, () => socket.destroy())
  })
}

/** Everything below the test's folder, the sockets of living processes aside. */
function everything(): string[] {
  return readdirSync(nodes.folder, { recursive: true, encoding: 'utf8' })
    .filter(name => !name.includes('/run/') && !path.basename(name).startsWith('.'))
    .toSorted()
}

test('P9 D9 SEC-2: names and ids from the network stay text: refused or encoded, and nothing is made but in the inbox', async () => {
  const outside = readdirSync('/tmp').filter(name => name.startsWith('pwned'))
  for (const channel of ['../../pwned', '/tmp/pwned', '..', '.', 'a/../../pwned', 'C:\\pwned', '~', '%2e%2e%2f']) {
    expect(await statusOf(uploadBytes({ channel })), channel).toBe(200)
  }
  const bad: Record<string, string>[] = [
    { 'dropr-channel': 'a%00b' },
    { 'dropr-channel': 'x'.repeat(10_000) },
    { 'dropr-channel': '%ff' },
    { 'dropr-node': '../x' },
    { 'dropr-node': '/etc/passwd' },
    { 'dropr-stream': '../../../../../../../../../../pwned' },
    { 'dropr-origin': '../../../../../../../../../../pwned' },
    { 'dropr-nonce': '../../../../../../../../../../pwned' }
  ]
  for (const headers of bad) expect(await statusOf(uploadBytes({ headers })), JSON.stringify(headers)).toBe(400)
  for (const id of ['../../pwned', '/tmp/pwned', '__proto__', 'x'.repeat(255)]) {
    const entries = entriesOf({ id, sentAt: 1, kind: 'text', body: 'x', headers: { '../../pwned': '__proto__' } })
    expect(await statusOf(uploadBytes({ entries, channel: 'ids' })), id).toBe(200)
  }
  const ids = await tokyo.queue.poll({ channel: 'ids', max: 10 })
  expect(ids.map(message => message.id)).toEqual(['../../pwned', '/tmp/pwned', '__proto__', 'x'.repeat(255)])
  const climbed = (await tokyo.queue.poll({ channel: '../../pwned' }))!
  expect(climbed.channel).toBe('../../pwned')
  const rooms = /^tokyo(\/(outbox|acked|inbox|dead|schedule|corrupt|run|FORMAT|README\.md|node\.json)(\/.*)?)?$/
  expect(everything().filter(name => !rooms.test(name))).toEqual([])
  const folders = readdirSync(path.join(nodes.folder, 'tokyo/inbox'))
  expect(folders).toHaveLength(9)
  expect(folders.filter(name => !/^[a-z0-9_%.-]+$/.test(name) || /^\.+$/.test(name))).toEqual([])
  expect(readdirSync('/tmp').filter(name => name.startsWith('pwned'))).toEqual(outside)
})

test('P9 D8: 500 mutilated requests get an answer that blames their sender or none, store nothing, and the server goes on', async () => {
  const random = new SimRandom(9)
  const before = everything()
  const seen = new Map<number, number>()
  const one = async () => {
    const good = uploadBytes()
    const body = good.indexOf('\r\n\r\n') + 4
    const bytes = Buffer.from(good)
    // In the body every bit counts; in the head, what the protocol asks for.
    if (random.chance(0.5)) bytes[body + random.int(bytes.length - body)]! ^= 1 << random.int(8)
    else bytes.write(random.pick(['\0', 'é', ': ', '\n', '..']), bytes.indexOf('dropr-') + 7 + random.int(3), 'latin1')
    const cut = random.chance(0.3) ? bytes.subarray(0, random.int(bytes.length)) : bytes
    // What is no whole request may never be answered: not waited for.
    const status = await statusOf(cut, tokyo, 200)
    seen.set(status, (seen.get(status) ?? 0) + 1)
  }
  for (let i = 0; i < 500; i += 50) await Promise.all(Array.from({ length: 50 }, one))
  expect([...seen.keys()].filter(status => status !== 0 && (status < 400 || status > 499))).toEqual([])
  expect(seen.get(400)).toBeGreaterThan(100)
  expect(everything()).toEqual(before)
  expect(await statusOf(uploadBytes())).toBe(200)
})

test.each(STORES)(
  'P9 D11 SEC-8: with peers accepted, nobody gets in without a token, with a wrong one, or under another name',
  async store => {
    nodes.store = store
    const token = 'k'.repeat(43)
    const accept = { berlin: createHash('sha256').update(token).digest('hex') }
    const guarded = await nodes.node('guarded', { config: { accept } })
    const as = (headers: Record<string, string>, node = 'berlin') => statusOf(uploadBytes({ headers, node }), guarded)
    expect(await as({})).toBe(401)
    expect(await as({ authorization: 'Bearer ' })).toBe(401)
    expect(await as({ authorization: `Bearer ${'l'.repeat(43)}` })).toBe(401)
    expect(await as({ authorization: `Bearer ${accept.berlin}` })).toBe(401)
    expect(await as({ authorization: `Bearer ${token}` }, 'rome')).toBe(401)
    expect(await guarded.queue.poll({ channel: 'c' })).toBeUndefined()
    expect(await as({ authorization: `Bearer ${token}` })).toBe(200)
  }
)

test('P9 SEC-4: beyond loopback no server starts without accepted peers', async () => {
  const open = nodes.node('open', { config: { listen: '0.0.0.0:0' } })
  await expect(open).rejects.toMatchObject({ code: 'CONFIG_BAD' })
})

test('P9 D10: no source file evaluates text, loads code by a name from data, or unpacks objects with classes', () => {
  const root = path.resolve(import.meta.dirname, '../../src')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const forbidden =
    /\beval\s*\(|\bnew\s+Function\b|\bFunction\s*\(|\bv8\b|\bdeserialize\s*\(|node:vm|\brequire\s*\(|\bimport\s*\(\s*[^'\s]/
  const found = files.filter(name => {
    const code = readFileSync(path.join(root, name), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    return forbidden.test(code)
  })
  expect(files.length).toBeGreaterThan(100)
  expect(found).toEqual([])
})
