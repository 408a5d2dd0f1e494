/* Run with NODE_EXTRA_CA_CERTS=tls/ca.pem: uploads to TLS peers, one for each certificate, and prints what came of each. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { DEFAULT_LIMITS } from '../../dist/src/limits.js'
import { systemClock } from '../../dist/src/system/clock.js'
import { HttpTransport } from '../../dist/src/wire/http-transport.js'
import { ANSWER_TYPE } from '../../dist/src/wire/upload.js'

const file = name => readFileSync(new URL(`tls/${name}`, import.meta.url))
const transport = new HttpTransport({ clock: systemClock, limits: DEFAULT_LIMITS })
const request = {
  origin: '0'.repeat(32),
  node: 'berlin',
  stream: '1'.repeat(32),
  channel: 'c',
  priority: 4,
  nonce: 'n'.repeat(16),
  settled: 0,
  from: 0,
  entries: Buffer.alloc(0),
  skip: { from: 0, to: 1, reason: 'expired' },
  whole: true
}
const found = {}
for (const name of ['good', 'self', 'expired', 'other']) {
  let requests = 0
  const server = createServer({ key: file(`${name}.key`), cert: file(`${name}.pem`) }, (_, answer) => {
    requests++
    const { stream, nonce } = request
    answer.setHeader('content-type', ANSWER_TYPE).end(JSON.stringify({ stream, nonce, next: 1, refused: [] }))
  })
  let greeted = 0
  server.on('connection', () => greeted++)
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${server.address().port}`
  found[name] = await transport.upload({ name, url }, request, new AbortController().signal).then(
    ({ next }) => ({ next, requests }),
    ({ code, message }) => ({ code, message, requests, greeted })
  )
  server.closeAllConnections()
  server.close()
}
await transport.close()
process.stdout.write(JSON.stringify(found))
