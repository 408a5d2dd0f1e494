import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

test('NET-13 D11: a peer whose certificate has expired, is for another host or signed by nobody known is refused with the reason, never sent to in plain', async () => {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: here('tls/ca.pem') }
  const { stdout } = await promisify(execFile)(process.execPath, [here('tls-peers.mjs')], { env })
  const found = JSON.parse(stdout)
  expect(found.good).toEqual({ next: 1, requests: 1 })
  const reasons = { self: /self-signed certificate/, expired: /certificate has expired/, other: /altnames|localhost/ }
  for (const [name, reason] of Object.entries(reasons)) {
    expect(found[name]).toMatchObject({ code: 'PEER_UNREACHABLE', requests: 0, greeted: 1 })
    expect(found[name].message).toMatch(reason)
  }
})
