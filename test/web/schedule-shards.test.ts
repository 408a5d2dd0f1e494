import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Scheduler } from '../../src/scheduler/index.ts'
import { closeAll, desk } from './desk.ts'

afterEach(closeAll)

test('a shard that cannot be read is named beside what another holds, and is the answer where none has it', async () => {
  const node = await desk()
  const scheduler = await Scheduler.start({ spool: node.spool })
  const held = { body: 'x', id: 'one', deliverAt: '2099-12-24T18:00:00Z' }
  expect((await node.call('POST', '/v1/messages', { json: held })).status).toBe(201)
  await mkdir(join(node.spool.path, 'schedule/shard-1'))
  await writeFile(join(node.spool.path, 'schedule/shard-1/in'), 'no folder')
  const unanswered = [{ shard: 1, code: 'DISK_ERROR', error: expect.any(String) }]
  const shown = await node.call('GET', '/v1/schedule/one')
  expect(shown).toMatchObject({ status: 200, json: { messages: [{ id: 'one' }], unanswered } })
  for (const done of [true, false]) {
    const cancelled = await node.call('DELETE', '/v1/schedule/one')
    expect(cancelled).toMatchObject({ status: 200, json: { id: 'one', done, state: 'cancelled', unanswered } })
  }
  expect(await node.call('POST', '/v1/schedule/one/now')).toMatchObject({ status: 409, json: { unanswered } })
  expect(await node.call('DELETE', '/v1/schedule/two')).toMatchObject({ status: 500, json: { code: 'DISK_ERROR' } })
  await scheduler.close()
})
