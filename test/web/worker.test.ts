import { afterEach, expect, test } from 'vitest'
import { closeAll, desk } from './desk.ts'
import { CURLS, shell } from './shell.ts'

afterEach(closeAll)

/** The second, where there is one, only has to show that it could stand in for the first. */
const RUNS = CURLS.map((curl, i) => [i === 0 ? 100 : 10, curl] as const)

/** Every tenth job fails at its first attempt. */
const WORKER = `
while curl -sf -D head.txt -o body.txt "$url/v1/queues/jobs?wait=5s&lease=30s"; do
  lease=$(tr -d '\\r' < head.txt | sed -n 's/^dropr-lease: //p')
  attempt=$(tr -d '\\r' < head.txt | sed -n 's/^dropr-attempt: //p')
  job=$(cat body.txt)
  case $job-$attempt in
    *0-1) curl -sf $url/v1/leases/$lease/0/retry -H 'content-type: application/json' -d '{"after":10,"reason":"not yet"}' ;;
    *) echo "$job attempt $attempt"; curl -sf -X POST $url/v1/leases/$lease/0/ack ;;
  esac
done`

test.each(RUNS)(
  'O3: a worker in shell does %d jobs, each to its end once, with nothing but %s',
  async (count, curl) => {
    const node = await desk()
    const messages = Array.from({ length: count }, (_, i) => ({ channel: 'jobs', body: `job ${i}` }))
    expect((await node.call('POST', '/v1/messages/batch', { json: { messages } })).status).toBe(201)
    const printed = await shell(curl, `url=${node.url}\n${WORKER}`, node.folder)
    const expected = messages.map(({ body }) => `${body} attempt ${body.endsWith('0') ? 2 : 1}`)
    expect(printed.trim().split('\n').sort()).toEqual(expected.sort())
    const finished = { channel: 'jobs', pending: 0, leased: 0, delayed: 0, done: count }
    await expect.poll(() => node.depths()).toMatchObject([finished])
  },
  120_000
)
