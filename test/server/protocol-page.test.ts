import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { decodeMessage } from '../../src/journal/entry.ts'
import { limitsFrom } from '../../src/limits.ts'
import { HttpServer } from '../../src/server/http-server.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { systemClock } from '../../src/system/clock.ts'
import { silentLog } from '../../src/system/log.ts'
import { systemRandom } from '../../src/system/random.ts'
import { MemoryStore } from './memory-store.ts'

const run = promisify(execFile)
const PAGE = readFileSync(path.resolve(import.meta.dirname, '../../docs/protocol.md'), 'utf8')
const noCurl = await run('curl', ['--version']).then(
  () => false,
  () => true
)

test.skipIf(noCurl)(
  'D1: the example with curl in docs/protocol.md delivers its message, once, however often it is run',
  async () => {
    const limits = limitsFrom({})
    const store = new MemoryStore()
    const receiver = new Receiver({ clock: systemClock, log: silentLog, limits, store })
    const server = new HttpServer({
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      limits,
      rules: { hosts: new Set(), accepted: new Map() },
      receive: (request, peer) => receiver.receive(request, peer),
      health: () => ({})
    })
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    try {
      const [, script] = /```sh\n([\s\S]+?)```/.exec(PAGE) ?? []
      const [, answer] = /It answers `(.+?)`/.exec(PAGE) ?? []
      for (let i = 0; i < 2; i++) {
        const { stdout } = await run('sh', ['-c', script!.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`)])
        expect(stdout).toBe(answer)
      }
      expect(store.ranges).toHaveLength(1)
      expect(decodeMessage(store.ranges[0]!.entries, 0).body.toString()).toBe('hello')
    } finally {
      await server.close({ withinMs: 0 })
    }
  }
)
