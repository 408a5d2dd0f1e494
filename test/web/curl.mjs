#!/usr/bin/env node
// What docs/http.md and the tests use of curl, for machines without it.
import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { request } from 'node:http'

const args = process.argv.slice(2)
const given = {
  headers: {},
  data: [],
  method: undefined,
  fail: false,
  include: false,
  dump: undefined,
  out: undefined,
  url: undefined,
  upload: undefined
}
while (args.length > 0) {
  const arg = args.shift()
  if (/^-[sSfi]+$/.test(arg)) {
    given.fail ||= arg.includes('f')
    given.include ||= arg.includes('i')
  } else if (arg === '-X') given.method = args.shift()
  else if (arg === '-H') {
    const [, name, value] = /^([^:]+): *(.*)$/.exec(args.shift())
    given.headers[name.toLowerCase()] = Buffer.from(value).toString('latin1')
  } else if (arg === '-d' || arg === '--data' || arg === '--data-binary') given.data.push(args.shift())
  else if (arg === '-D') given.dump = args.shift()
  else if (arg === '-o') given.out = args.shift()
  else if (arg === '-T') given.upload = args.shift()
  else if (arg.startsWith('-')) throw new Error(`this curl does not know ${arg}`)
  else given.url = arg
}
const body =
  given.upload === undefined
    ? given.data.length > 0
      ? Buffer.from(given.data.join('&'))
      : undefined
    : readFileSync(given.upload === '-' ? 0 : given.upload)
if (given.data.length > 0) given.headers['content-type'] ??= 'application/x-www-form-urlencoded'
if (given.upload === '-') given.headers['transfer-encoding'] = 'chunked'
else if (body !== undefined) given.headers['content-length'] = String(body.length)
const method = given.method ?? (given.upload === undefined ? (body === undefined ? 'GET' : 'POST') : 'PUT')
const asked = request(given.url, { method, headers: given.headers }, answer => {
  const chunks = []
  answer.on('data', chunk => chunks.push(chunk))
  answer.on('end', () => {
    const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`]
    for (let i = 0; i < answer.rawHeaders.length; i += 2)
      lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`)
    const head = `${lines.join('\r\n')}\r\n\r\n`
    if (given.dump === '-') writeSync(1, head)
    else if (given.dump !== undefined) writeFileSync(given.dump, head)
    if (given.fail && answer.statusCode >= 400) process.exit(22)
    const content = Buffer.concat(chunks)
    if (given.include) writeSync(1, head)
    if (given.out !== undefined) writeFileSync(given.out, content)
    else for (let at = 0; at < content.length; ) at += writeSync(1, content, at)
  })
})
asked.on('error', () => process.exit(7))
asked.end(body)
