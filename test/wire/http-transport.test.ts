import type { IncomingMessage } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import type { Resolve } from '../../src/wire/look-ups.ts'
import { ANSWER_TYPE } from '../../src/wire/upload.ts'
import { closeAll, goodAnswer, httpOf, httpPeer, open, peerAt, rawPeer, transportWith } from './raw-peers.ts'
import { never, STREAM, uploadOf } from './transport-suite.ts'

afterEach(closeAll)

test('a peer that stops reading in the middle of a body is given up', async () => {
  const port = await rawPeer(socket => socket.pause())
  const upload = transportWith().upload(peerAt(port), uploadOf({ entries: Buffer.alloc(16_000_000) }), never)
  await expect(upload).rejects.toMatchObject({ code: 'PEER_TIMEOUT' })
})

test('a body that moves slowly is not given up, however long it takes, as long as the peer says that it comes', async () => {
  const entries = Buffer.alloc(16_000_000)
  const upload = uploadOf({ entries })
  const port = await rawPeer(socket => {
    let got = 0
    let told = performance.now()
    socket.on('data', chunk => {
      got += chunk.length
      socket.pause()
      setTimeout(() => socket.resume(), 5)
      if (performance.now() - told > 50) {
        told = performance.now()
        socket.write('HTTP/1.1 102 Processing\r\n\r\n')
      }
      if (got > entries.length) socket.write(httpOf(goodAnswer(upload)))
    })
  })
  const transport = transportWith({ answerMsMax: 500, stallMsMax: 500 })
  const began = performance.now()
  expect(await transport.upload(peerAt(port), upload, never)).toMatchObject({ next: 5 })
  expect(performance.now() - began).toBeGreaterThan(1_000)
})

test('a kept-alive connection that the peer closes just as we send is tried again, once, unseen', async () => {
  let connections = 0
  const port = await rawPeer(socket => {
    connections++
    let requests = 0
    socket.on('data', chunk => {
      const nonce = /dropr-nonce: (\S+)/i.exec(chunk.toString('latin1'))?.[1]
      if (nonce === undefined) return
      // The second request on any connection finds it closed.
      if (++requests > 1) socket.destroy()
      else socket.write(httpOf(JSON.stringify({ stream: STREAM, nonce, next: 1, refused: [] })))
    })
  })
  const transport = transportWith({ connectionsPerPeerMax: 1 })
  for (let i = 0; i < 5; i++) await transport.upload(peerAt(port), uploadOf(), never)
  expect(connections).toBe(5)
})

test('a peer that closes every new connection is unreachable, after one try', async () => {
  let connections = 0
  const port = await rawPeer(socket => {
    connections++
    socket.destroy()
  })
  await expect(transportWith().upload(peerAt(port), uploadOf(), never)).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE'
  })
  expect(connections).toBe(1)
})

test('nobody there, no such host and no way to it are one thing: unreachable', async () => {
  const port = await rawPeer(() => undefined)
  await open.pop()!()
  const nowhere: Resolve = async () => {
    throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  }
  const refused = transportWith().upload(peerAt(port), uploadOf(), never)
  await expect(refused).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  const unknown = transportWith({}, nowhere).upload({ name: 'x', url: 'http://no.such.host:1' }, uploadOf(), never)
  await expect(unknown).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
    message: expect.stringContaining('ENOTFOUND')
  })
})

test('a peer that moved is found at its new address by the next connection', async () => {
  const moved = await httpPeer((request, response) => {
    response.setHeader('content-type', ANSWER_TYPE)
    response.end(JSON.stringify({ stream: STREAM, nonce: request.headers['dropr-nonce'], next: 1, refused: [] }))
  })
  const addresses = ['127.0.0.2', '127.0.0.1']
  const transport = transportWith({}, async () => [{ address: addresses.shift() ?? '127.0.0.1', family: 4 }])
  const peer = { name: 'tokyo', url: `http://tokyo.example:${moved}` }
  await expect(transport.upload(peer, uploadOf(), never)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  expect(await transport.upload(peer, uploadOf(), never)).toMatchObject({ next: 1 })
})

test('the path of the URL stays in front, the token goes along, and neither is told to anybody', async () => {
  const seen: IncomingMessage[] = []
  const port = await httpPeer((request, response) => {
    seen.push(request)
    response.statusCode = 500
    response.end()
  })
  for (const path of ['/a/b', '/a/b/', '']) {
    const peer = { name: 'tokyo', url: `http://127.0.0.1:${port}${path}`, token: 'geheim' }
    const failure = await transportWith()
      .upload(peer, uploadOf(), never)
      .catch((error: unknown) => error)
    expect(JSON.stringify(failure) + String(failure)).not.toContain('geheim')
  }
  expect(seen.map(({ url }) => url)).toEqual(['/a/b/v1/upload', '/a/b/v1/upload', '/v1/upload'])
  expect(seen[0]!.headers.authorization).toBe('Bearer geheim')
})

test.each(['ftp://x/', 'file:///etc/passwd', 'http://user:secret@x/', 'http://x/?a=1', 'http://x/#a', 'x', ''])(
  'the URL %j is refused, and what it holds is not repeated',
  async url => {
    const failure = await transportWith()
      .upload({ name: 'x', url }, uploadOf(), never)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(String(failure)).not.toContain('secret')
  }
)

test('no more connections are open to one peer than the limit, however many uploads wait', async () => {
  let connections = 0
  let most = 0
  const port = await rawPeer(socket => {
    most = Math.max(most, ++connections)
    socket.on('close', () => connections--)
    socket.on('data', chunk => {
      const nonce = /dropr-nonce: (\S+)/i.exec(chunk.toString('latin1'))?.[1]
      if (nonce === undefined) return
      setTimeout(() => socket.write(httpOf(JSON.stringify({ stream: STREAM, nonce, next: 1, refused: [] }))), 2)
    })
  })
  const transport = transportWith({ connectionsPerPeerMax: 3 })
  await Promise.all(Array.from({ length: 60 }, () => transport.upload(peerAt(port), uploadOf(), never)))
  expect(most).toBe(3)
})
